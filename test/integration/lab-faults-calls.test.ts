/** Faults of calls, tasks, events, sessions and the toolstack of a simulated pool, as our own client sees them. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { Row } from '../../src/lab/pool.ts'
import { XapiConnectionError, XapiError, XapiTrustError } from '../../src/xapi/errors.ts'
import type { Ref } from '../../src/xapi/ref.ts'
import { type FaultyPool, faultyPool, frame, imported } from '../support/faulty-pool.ts'

let lab: FaultyPool
before(async () => {
  lab = await faultyPool()
})
after(() => lab[Symbol.asyncDispose]())
beforeEach(() => lab.faults.clearAll())

const code = (wanted: string) => (error: unknown) => error instanceof XapiError && error.code === wanted
const disks = () => lab.pool.db.refs('VDI').length
const seconds = async (work: () => Promise<unknown>) => {
  const begin = performance.now()
  await work()
  return (performance.now() - begin) / 1000
}

describe('an error for a call', () => {
  test('comes for the calls counted, with its code and parameters, and for no other', async () => {
    const params = ['one', 'two']
    await lab.set({ kind: 'error', code: 'SR_FULL', params, match: { method: 'VDI.get_*' }, skip: 1, count: 2 })
    const { ref } = await lab.newDisk()
    // newDisk has asked for the uuid: that was the one that passes.
    for (let time = 0; time < 2; time += 1) {
      await assert.rejects(lab.xapi.call('VDI.get_name_label', [ref]), (error) => {
        assert.ok(error instanceof XapiError)
        assert.deepEqual([error.code, error.params], ['SR_FULL', params])
        return true
      })
    }
    assert.equal(await lab.xapi.call('VDI.get_name_label', [ref]), 'disk')
    const [fault] = lab.faults.list()
    assert.deepEqual([fault?.passed, fault?.fired, fault?.armed], [1, 2, false])
  })

  test('before its effect leaves nothing, after it leaves everything', async () => {
    const fault = { kind: 'error', code: 'INTERNAL_ERROR', match: { method: 'VDI.create' } } as const
    const count = disks()
    await lab.set(fault)
    await assert.rejects(lab.newDisk(), code('INTERNAL_ERROR'))
    assert.equal(disks(), count)
    await lab.set({ ...fault, when: 'after' })
    await assert.rejects(lab.newDisk(), code('INTERNAL_ERROR'))
    assert.equal(disks(), count + 1)
  })

  test('tells plain calls from Async ones', async () => {
    const { ref } = await lab.newDisk()
    await lab.set({ kind: 'error', code: 'SR_FULL', match: { method: 'VDI.snapshot', form: 'async' }, count: null })
    await lab.xapi.call('VDI.snapshot', [ref, {}])
    await assert.rejects(lab.xapi.callAsync('VDI.snapshot', [ref, {}]), code('SR_FULL'))
  })

  test('of a task comes through the task, before or after the effect', async () => {
    const { ref } = await lab.newDisk()
    const count = disks()
    const fault = {
      kind: 'error',
      on: 'task',
      code: 'VDI_IO_ERROR',
      params: ['Device I/O errors'],
      match: { method: 'VDI.snapshot' },
    } as const
    await lab.set(fault)
    await assert.rejects(lab.xapi.callAsync('VDI.snapshot', [ref, {}]), code('VDI_IO_ERROR'))
    assert.equal(disks(), count)
    await lab.set({ ...fault, when: 'after' })
    await assert.rejects(lab.xapi.callAsync('VDI.snapshot', [ref, {}]), code('VDI_IO_ERROR'))
    assert.ok(disks() > count)
    assert.deepEqual(
      lab.faults
        .fired()
        .slice(-2)
        .map(({ what }) => what),
      ['task of Async.VDI.snapshot', 'task of Async.VDI.snapshot'],
    )
  })

  test('of a transfer fails its task although all bytes are there', async () => {
    const { ref } = await lab.newDisk()
    await lab.set({ kind: 'error', on: 'task', when: 'after', code: 'VDI_IO_ERROR', match: { method: 'import_raw_vdi' } })
    await assert.rejects(imported(lab.xapi, ref, frame(0, Buffer.alloc(4096, 7))), code('VDI_IO_ERROR'))
    assert.equal(lab.pool.storage.disk(ref).read(0, 512)[0], 7)
  })
})

test('a call is answered late, others meanwhile at once', async () => {
  await lab.set({ kind: 'delay', seconds: 2, match: { method: 'SR.get_all' } })
  const ended: string[] = []
  const slow = seconds(() => lab.xapi.call('SR.get_all', [])).finally(() => ended.push('SR.get_all'))
  await lab.xapi.call('VM.get_all', [])
  assert.deepEqual(ended, [], 'the slow one is still under way')
  assert.ok((await slow) >= 2)
})

test('a task takes longer, and its effect is there before it ends', async () => {
  const { ref } = await lab.newDisk()
  await lab.set({ kind: 'slow-task', seconds: 0.5, match: { method: 'VDI.snapshot' } })
  const count = disks()
  let seen = 0
  const stop = lab.pool.db.onChange((className, _ref, operation) => {
    if (className === 'VDI' && operation === 'add') seen = performance.now()
  })
  const took = await seconds(() => lab.xapi.callAsync('VDI.snapshot', [ref, {}]))
  stop()
  assert.ok(took >= 0.5 && performance.now() - seen >= 450)
  assert.ok(disks() > count)
})

test('a call is cut before its effect, or after it', async () => {
  const count = disks()
  await lab.set({ kind: 'cut', match: { method: 'VDI.create' } })
  await assert.rejects(lab.newDisk(), (error) => error instanceof XapiConnectionError)
  assert.equal(disks(), count)
  await lab.set({ kind: 'cut', when: 'after', match: { method: 'VDI.create' } })
  await assert.rejects(lab.newDisk(), (error) => error instanceof XapiConnectionError)
  assert.equal(disks(), count + 1)
})

test('a call that is never answered hangs until its client gives up; clearing the fault cuts it', async () => {
  await lab.set({ kind: 'half-open', match: { method: 'SR.get_all' }, count: null })
  await assert.rejects(
    lab.xapi.call('SR.get_all', [], { timeoutMs: 200 }),
    (error) => error instanceof XapiConnectionError && error.reason === 'timeout',
  )
  const count = disks()
  await lab.set({ kind: 'half-open', match: { method: 'VDI.create' }, when: 'after' })
  const hanging = lab.newDisk()
  hanging.catch(() => undefined)
  while (lab.faults.fired().at(-1)?.what !== 'VDI.create') await new Promise(setImmediate)
  assert.equal(disks(), count + 1)
  lab.faults.clearAll()
  await assert.rejects(hanging, (error) => error instanceof XapiConnectionError && error.reason === 'broken')
})

test('expired sessions: our client logs in again, all or one', async () => {
  const before = lab.xapi.session
  await lab.set({ kind: 'expire-sessions' })
  assert.equal(lab.pool.db.refs('session').length, 0)
  assert.ok(Array.isArray(await lab.xapi.call('SR.get_all', [])))
  assert.notEqual(lab.xapi.session, before)
  await using other = disposable(await lab.newClient())
  await lab.set({ kind: 'expire-sessions', session: other.session, match: { method: 'VM.get_all' } })
  const mine = lab.xapi.session
  await lab.xapi.call('VM.get_all', [])
  assert.equal(lab.pool.db.find('session', other.session), undefined)
  assert.ok(lab.pool.db.find('session', mine))
})

test('lost events: who waits for one hears of the next only', async () => {
  const { ref } = await lab.newDisk()
  const session = lab.xapi.session
  const from = async (token: string, timeout: number) =>
    (await lab.xapi.call<Row>('event.from', [['vdi'], token, timeout])) as unknown as {
      events: { operation: string; ref: string }[]
      token: string
    }
  const { token } = await from('', 5)
  await lab.set({ kind: 'lose-events', match: { class: 'VDI', operation: 'mod' } })
  await lab.xapi.call('VDI.set_name_label', [ref, 'one'])
  const first = await from(token, 0.2)
  assert.deepEqual(first.events, [])
  await lab.xapi.call('VDI.set_name_label', [ref, 'two'])
  const second = await from(first.token, 5)
  assert.deepEqual(
    second.events.map(({ operation, ref }) => [operation, ref]),
    [['mod', ref]],
  )
  await lab.set({ kind: 'lose-events', match: { operation: 'del' } })
  await lab.xapi.call('VDI.destroy', [ref])
  const third = await from(second.token, 0.3)
  assert.ok(third.events.every(({ operation }) => operation !== 'del'))
  assert.equal(lab.xapi.session, session)
})

describe('a restart of the toolstack', () => {
  test('at a call: tasks and sessions are gone, the call has no answer, faults stay', async () => {
    await lab.set({ kind: 'restart', match: { method: 'VDI.snapshot' }, when: 'after' })
    await lab.set({ kind: 'delay', seconds: 0, match: { method: 'VM.get_all' }, count: null })
    const { ref } = await lab.newDisk()
    const task = await lab.xapi.call<Ref<'task'>>('task.create', ['mine', ''])
    const count = disks()
    await assert.rejects(lab.xapi.call('VDI.snapshot', [ref, {}]), (error) => error instanceof XapiConnectionError)
    await retried(() => lab.xapi.call('SR.get_all', []))
    assert.ok(disks() > count)
    await assert.rejects(lab.xapi.call('task.get_status', [task]), code('HANDLE_INVALID'))
    assert.deepEqual(
      lab.faults.list().map(({ kind, armed }) => [kind, armed]),
      [
        ['restart', false],
        ['delay', true],
      ],
    )
  })

  test('at once, and is over when the answer comes', async () => {
    const before = lab.pool
    await lab.set({ kind: 'restart' })
    assert.ok(before.stopping.aborted)
    assert.notEqual(lab.pool, before)
    await retried(() => lab.xapi.call('SR.get_all', []))
  })
})

test('another certificate is shown from the next connection on, and the first one again when the fault is cleared', async () => {
  const { id } = await lab.set({ kind: 'certificate' })
  await assert.rejects(lab.newClient(), (error) => error instanceof XapiTrustError)
  const shown = lab.pool.certificate.fingerprint
  assert.notEqual(shown, lab.started.fingerprint)
  await (await lab.newClient(shown)).close()
  await lab.set({ kind: 'restart' })
  await (await lab.newClient(shown)).close()
  lab.faults.clear(id)
  await (await lab.newClient()).close()
})

test('what is no fault is refused with the field that is wrong', async () => {
  const wrong: [object, RegExp][] = [
    [{ kind: 'earthquake' }, /kind needs to be one of error, /],
    [{ kind: 'error' }, /code is missing/],
    [{ kind: 'error', code: 'X', match: { vdi: 'x' } }, /there is no field match\.vdi/],
    [{ kind: 'error', code: 'X', match: { methd: 'x' } }, /there is no field match\.methd/],
    [{ kind: 'stall', seconds: -1, match: { at: 0 } }, /seconds needs to be a number/],
    [{ kind: 'cut' }, /cut needs a match/],
    [{ kind: 'cut', match: { method: 'VM.start', at: 5 } }, /either calls .* or a place/],
    [{ kind: 'cut', match: { at: 1 }, count: 0 }, /count needs to be/],
  ]
  for (const [fault, message] of wrong) await assert.rejects(lab.faults.add(fault as never), message)
  assert.deepEqual(lab.faults.list(), [])
})

/** A pool that restarts is back soon. */
async function retried<T>(work: () => Promise<T>): Promise<T> {
  for (const deadline = Date.now() + 20_000; ; ) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof XapiConnectionError) || Date.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

function disposable<T extends { close(): Promise<void> }>(value: T): T & AsyncDisposable {
  return Object.assign(value, { [Symbol.asyncDispose]: () => value.close() })
}
