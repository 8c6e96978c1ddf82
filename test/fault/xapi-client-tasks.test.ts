import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connectXapi } from '../../src/xapi/connect.ts'
import { XapiConnectionError, XapiError } from '../../src/xapi/errors.ts'
import { trustListed } from '../../src/xapi/trust.ts'
import type { Xapi } from '../../src/xapi/xapi.ts'
import { type ScriptedOptions, type ScriptedXapi, startScripted } from '../support/scripted-xapi.ts'

async function withPool(
  messages: (server: () => ScriptedXapi) => NonNullable<ScriptedOptions['messages']>,
  run: (xapi: Xapi, server: ScriptedXapi) => Promise<void>,
): Promise<void> {
  let server: ScriptedXapi | undefined
  server = await startScripted({ messages: messages(() => server as ScriptedXapi) })
  try {
    const xapi = await connectXapi({
      url: server.url,
      user: 'root',
      password: 'secret',
      trust: trustListed([server.certificate.fingerprint]),
    })
    await run(xapi, server)
    await xapi.close()
    assert.equal(server.tasks.size, 0, 'no task is left behind')
  } finally {
    await server.stop()
  }
}

/** A call that makes a task, and what happens to it once somebody waits for it. */
function asyncCall(then: (server: ScriptedXapi, task: string) => void) {
  return (server: () => ScriptedXapi): NonNullable<ScriptedOptions['messages']> => ({
    'Async.VM.snapshot': () => {
      const task = server().makeTask()
      then(server(), task)
      return { value: task }
    },
  })
}

/** Once the client waits: its first event.from told it of the task, its second one is under way. */
async function onceAwaited(server: ScriptedXapi, work: () => void): Promise<void> {
  while (server.calls.filter((name) => name === 'event.from').length < 2) await new Promise((resolve) => setImmediate(resolve))
  work()
}
const calledSince = (server: ScriptedXapi, name: string) => server.calls.slice(server.calls.indexOf(name))

test('an Async call gives its decoded result and destroys its task, for five calls and no polling', () =>
  withPool(
    asyncCall((server, task) => {
      void onceAwaited(server, () => server.setTask(task, { status: 'success', progress: 1, result: '<value>OpaqueRef:snap</value>' }))
    }),
    async (xapi, server) => {
      assert.equal(await xapi.callAsync('VM.snapshot', ['OpaqueRef:vm', 'name']), 'OpaqueRef:snap')
      await xapi.close()
      const calls = ['Async.VM.snapshot', 'event.from', 'event.from', 'task.destroy', 'session.logout']
      assert.deepEqual(calledSince(server, 'Async.VM.snapshot'), calls)
    },
  ))

test('an Async call that has ended before somebody waits costs one call less', () =>
  withPool(
    asyncCall((server, task) => server.setTask(task, { status: 'success', result: '' })),
    async (xapi, server) => {
      assert.equal(await xapi.callAsync('VM.snapshot', []), undefined)
      await xapi.close()
      assert.deepEqual(calledSince(server, 'Async.VM.snapshot'), ['Async.VM.snapshot', 'event.from', 'task.destroy', 'session.logout'])
    },
  ))

test('progress is told as it changes', () => {
  const seen: number[] = []
  return withPool(
    asyncCall((server, task) => void onceAwaited(server, () => server.setTask(task, { progress: 0.5 }))),
    async (xapi, server) => {
      await xapi.callAsync('VM.snapshot', [], {
        onProgress: (fraction) => {
          seen.push(fraction)
          const [task] = server.tasks.keys()
          if (fraction === 0.5) server.setTask(task as string, { progress: 1, status: 'success' })
        },
      })
      assert.deepEqual(seen, [0.5, 1])
    },
  )
})

test('the error of a task is thrown with its code, parameters and call, and the task destroyed', () =>
  withPool(
    asyncCall(
      (server, task) =>
        void onceAwaited(server, () => server.setTask(task, { status: 'failure', error_info: ['VM_BAD_POWER_STATE', 'a', 'b'] })),
    ),
    async (xapi) => {
      await assert.rejects(xapi.callAsync('VM.snapshot', []), (error: unknown) => {
        assert.ok(error instanceof XapiError)
        assert.deepEqual([error.code, error.params, error.method], ['VM_BAD_POWER_STATE', ['a', 'b'], 'Async.VM.snapshot'])
        return true
      })
    },
  ))

test('a task cancelled by somebody else is a failure', () =>
  withPool(
    asyncCall((server, task) => void onceAwaited(server, () => server.setTask(task, { status: 'cancelled' }))),
    (xapi) => assert.rejects(xapi.callAsync('VM.snapshot', []), { name: 'XapiError', code: 'TASK_CANCELLED' }),
  ))

test('a task that vanishes while somebody waits, or before, is a failure', async () => {
  const vanished = { name: 'XapiError', code: 'HANDLE_INVALID' }
  await withPool(
    asyncCall((server, task) => void onceAwaited(server, () => server.setTask(task, undefined))),
    (xapi) => assert.rejects(xapi.callAsync('VM.snapshot', []), vanished),
  )
  await withPool(
    asyncCall((server, task) => server.setTask(task, undefined)),
    (xapi) => assert.rejects(xapi.callAsync('VM.snapshot', []), vanished),
  )
})

test('an event that was lost on its way does not make a task vanish: it is asked for', () => {
  let lost = 0
  return withPool(
    (server) => ({
      ...asyncCall(() => undefined)(server),
      // Tells nothing the first time, and lets the task end then.
      'event.from': ([classes, token]) => {
        const [ref] = [...server().tasks.keys()]
        if (lost++ === 0) {
          setImmediate(() => server().setTask(String(ref), { status: 'success', result: '<value>OpaqueRef:snap</value>' }))
          return { value: { events: [], token: '1', valid_ref_counts: {} } }
        }
        assert.deepEqual([classes, token], [[`task/${ref}`], '1'], 'goes on from where it was')
        const event = { class: 'task', ref, operation: 'mod', snapshot: server().tasks.get(String(ref)) }
        return { value: { events: [event], token: '2', valid_ref_counts: {} } }
      },
    }),
    async (xapi, server) => {
      assert.equal(await xapi.callAsync('VM.snapshot', []), 'OpaqueRef:snap')
      assert.ok(server.calls.includes('task.get_record'))
    },
  )
})

test('an abort cancels the task, and the task that goes with it is destroyed', () => {
  const abort = new AbortController()
  return withPool(
    (server) => ({
      ...asyncCall((server) => void onceAwaited(server, () => abort.abort(new Error('enough'))))(server),
      'task.cancel': ([task]) => {
        server().setTask(String(task), { status: 'cancelled' })
        return { value: '' }
      },
    }),
    async (xapi, server) => {
      await assert.rejects(xapi.callAsync('VM.snapshot', [], { signal: abort.signal }), /enough/)
      assert.ok(server.calls.includes('task.cancel'))
      assert.ok(!server.calls.includes('task.set_status'))
    },
  )
})

test('an abort while the call starts still cancels its task', () => {
  const abort = new AbortController()
  return withPool(
    (server) => ({
      'Async.VM.snapshot': async () => {
        abort.abort(new Error('enough'))
        await new Promise((resolve) => setTimeout(resolve, 50))
        return { value: server().makeTask() }
      },
      'task.cancel': ([task]) => {
        server().setTask(String(task), { status: 'cancelled' })
        return { value: '' }
      },
    }),
    (xapi) => assert.rejects(xapi.callAsync('VM.snapshot', [], { signal: abort.signal }), /enough/),
  )
})

test('a task that does not listen to its cancelling is marked as cancelled after a while and destroyed', () => {
  const abort = new AbortController()
  return withPool(
    asyncCall((server) => void onceAwaited(server, () => abort.abort(new Error('enough')))),
    async (xapi, server) => {
      await assert.rejects(xapi.callAsync('VM.snapshot', [], { signal: abort.signal }), /enough/)
      assert.ok(server.calls.includes('task.set_status'))
    },
  )
})

test('a call that is aborted before it starts is not made', () =>
  withPool(
    asyncCall(() => undefined),
    async (xapi, server) => {
      await assert.rejects(xapi.callAsync('VM.snapshot', [], { signal: AbortSignal.abort(new Error('enough')) }), /enough/)
      assert.ok(!server.calls.includes('Async.VM.snapshot'))
    },
  ))

test('a task without any news for the time given is given up', () =>
  withPool(
    (server) => ({
      ...asyncCall(() => undefined)(server),
      'task.cancel': ([task]) => {
        server().setTask(String(task), { status: 'cancelled' })
        return { value: '' }
      },
    }),
    (xapi) =>
      assert.rejects(
        xapi.callAsync('VM.snapshot', [], { timeoutMs: 100 }),
        (error: unknown) => error instanceof XapiConnectionError && error.reason === 'timeout',
      ),
  ))

test('waits of many tasks do not wait for each other, nor use up the calls that may be under way', () =>
  withPool(
    (server) => ({
      ...asyncCall(() => undefined)(server),
      'VM.get_all': () => ({ value: ['here'] }),
    }),
    async (xapi, server) => {
      const waits = Array.from({ length: 40 }, () => xapi.callAsync('VM.snapshot', []))
      while (server.calls.filter((name) => name === 'event.from').length < 80) await new Promise((resolve) => setImmediate(resolve))
      assert.deepEqual(await xapi.call('VM.get_all', []), ['here'])
      for (const [index, task] of [...server.tasks.keys()].reverse().entries()) {
        server.setTask(task, { status: 'success', result: `<value>${index}</value>` })
      }
      assert.equal(new Set(await Promise.all(waits)).size, 40)
    },
  ))

test('a connection that breaks during the wait does not lose the task', () =>
  withPool(
    asyncCall(
      (server, task) =>
        void onceAwaited(server, () => {
          for (const socket of server.sockets) socket.destroy()
          server.setTask(task, { status: 'success', result: '<value>x</value>' })
        }),
    ),
    async (xapi) => assert.equal(await xapi.callAsync('VM.snapshot', []), 'x'),
  ))

test('a session that ends during the wait does not lose the task', () =>
  withPool(
    (server) => {
      let waits = 0
      return {
        ...asyncCall(() => undefined)(server),
        'event.from': ([classes]) => {
          const ref = String((classes as string[])[0]).slice('task/'.length)
          if (waits++ === 0) {
            server().sessions.clear()
            return { failure: ['SESSION_INVALID', 'OpaqueRef:old'] }
          }
          server().setTask(ref, { status: 'success', result: '<value>x</value>' })
          return { value: { events: [{ class: 'task', ref, operation: 'mod', snapshot: server().tasks.get(ref) }], token: '1' } }
        },
      }
    },
    async (xapi) => assert.equal(await xapi.callAsync('VM.snapshot', []), 'x'),
  ))

test('results that are not what a task can hold are an error', () =>
  withPool(
    asyncCall((server, task) => server.setTask(task, { status: 'success', result: 'words' })),
    (xapi) => assert.rejects(xapi.callAsync('VM.snapshot', []), { name: 'XapiConnectionError', reason: 'not-xapi' }),
  ))
