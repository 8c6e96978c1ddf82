import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { type BarePool, barePool, failsWith } from '../../../test/support/bare-pool.ts'
import { type Call, type Row, XapiFailure } from '../pool.ts'
import { collector } from './collection.ts'
import { tasksOf } from './tasks.ts'

const MINUTE_MS = 60_000

describe('tasks', () => {
  let bare: BarePool
  let calls: Call[]
  let work: (call: Call) => Promise<string | undefined>
  beforeEach(async () => {
    calls = []
    bare = await barePool({
      'VDI.snapshot': (call) => {
        calls.push(call)
        return work(call)
      },
    })
  })
  afterEach(() => bare.close())
  const record = (ref: string): Row => bare.db.get('task', ref)
  /** Waits on the database until the task has ended. */
  const ended = (ref: string) =>
    new Promise<Row>((resolve) => {
      const look = () => {
        if (record(ref).status === 'pending') return
        stop()
        resolve(record(ref))
      }
      const stop = bare.db.onChange(look)
      look()
    })
  const started = () => bare.call('Async.VDI.snapshot', 'OpaqueRef:x') as Promise<string>

  test('an asynchronous call answers with its task at once, and ends it with the value as XML', async () => {
    const gate = Promise.withResolvers<string>()
    work = () => gate.promise
    const ref = await started()
    assert.deepEqual([record(ref).status, record(ref).name_label, record(ref).progress], ['pending', 'Async.VDI.snapshot', 0])
    gate.resolve('OpaqueRef:<made>')
    const row = await ended(ref)
    assert.deepEqual([row.status, row.progress, row.result], ['success', 1, '<value>OpaqueRef:&lt;made&gt;</value>'])
    assert.notEqual(row.finished, '19700101T00:00:00Z')
  })

  test('a failure is in error_info, whatever was thrown', async () => {
    work = () => Promise.reject(new XapiFailure('SOME_CODE', ['a', 'b']))
    assert.deepEqual((await ended(await started())).error_info, ['SOME_CODE', 'a', 'b'])
    work = () => Promise.reject(new Error('a bug'))
    const row = await ended(await started())
    assert.equal(row.status, 'failure')
    assert.equal((row.error_info as string[])[0], 'INTERNAL_ERROR')
  })

  test('a call sees that its task is being cancelled, and may end it so', async () => {
    const gate = Promise.withResolvers<void>()
    work = async ({ task }) => {
      await gate.promise
      if (task?.cancelled) throw new XapiFailure('TASK_CANCELLED', [task.ref])
      return undefined
    }
    const ref = await started()
    await bare.call('task.cancel', ref)
    assert.match(Object.keys(record(ref).current_operations as Row)[0] ?? '', /^DummyRef:\|[-0-9a-f]{36}\|task\.cancel$/)
    gate.resolve()
    assert.equal((await ended(ref)).status, 'cancelled')
  })

  test('progress shows while it runs, and no more once it has ended', async () => {
    const gate = Promise.withResolvers<void>()
    work = async ({ task }) => {
      task?.progress(0.25)
      await gate.promise
      return 'x'
    }
    const ref = await started()
    await new Promise<void>((resolve) => {
      const stop = bare.db.onChange(() => {
        stop()
        resolve()
      })
    })
    assert.equal(record(ref).progress, 0.25)
    gate.resolve()
    await ended(ref)
    tasksOf(bare.pool).progress(ref, 0.5)
    assert.equal(record(ref).progress, 1)
  })

  test('what ended by hand stays as it was set', async () => {
    const ref = (await bare.call('task.create', 'mine', '')) as string
    await bare.call('task.set_status', ref, 'failure')
    tasksOf(bare.pool).complete(ref, 'x', 'string')
    assert.deepEqual([record(ref).status, record(ref).result], ['failure', ''])
  })

  test('destroying a pending task takes it away after its end', async () => {
    const ref = (await bare.call('task.create', 'mine', '')) as string
    await bare.call('task.destroy', ref)
    const collect = collector(bare.pool)
    collect()
    assert.equal(record(ref).status, 'pending')
    tasksOf(bare.pool).complete(ref, undefined, 'void')
    collect()
    assert.throws(() => record(ref), failsWith('HANDLE_INVALID', 'task', ref))
  })

  test('a session lists its tasks while they are there', async () => {
    const ref = (await bare.call('task.create', 'mine', '')) as string
    const { value: other } = await bare.dispatcher.dispatch('session.login_with_password', ['root', 'secret'])
    assert.deepEqual(bare.db.get('session', bare.session).tasks, [ref])
    assert.deepEqual(bare.db.get('session', other as string).tasks, [])
    await bare.call('task.set_status', ref, 'success')
    await bare.call('task.destroy', ref)
    assert.deepEqual(bare.db.get('session', bare.session).tasks, [])
  })

  test('ended tasks go 65 minutes after their end', async () => {
    const ref = tasksOf(bare.pool).create({ label: 'x' })
    tasksOf(bare.pool).complete(ref, undefined, '')
    const collect = collector(bare.pool)
    bare.advance(64 * MINUTE_MS)
    collect()
    assert.ok(bare.db.find('task', ref))
    bare.advance(2 * MINUTE_MS)
    collect()
    assert.equal(bare.db.find('task', ref), undefined)
  })

  test('pending tasks go after a day without progress', async () => {
    const tasks = tasksOf(bare.pool)
    const [still, moving] = [tasks.create({ label: 'still' }), tasks.create({ label: 'moving' })]
    const collect = collector(bare.pool)
    bare.advance(25 * 60 * MINUTE_MS)
    collect()
    assert.ok(bare.db.find('task', still), 'seen for the first time')
    tasks.progress(moving, 0.5)
    collect()
    assert.deepEqual([bare.db.find('task', still), bare.db.find('task', moving)?.progress], [undefined, 0.5])
  })

  test('past 200 tasks ended ones go early, pending ones never', async () => {
    const tasks = tasksOf(bare.pool)
    const pending = Array.from({ length: 150 }, () => tasks.create({ label: 'pending' }))
    const done = Array.from({ length: 60 }, () => {
      bare.advance(1000)
      const ref = tasks.create({ label: 'done' })
      tasks.complete(ref, undefined, '')
      return ref
    })
    collector(bare.pool)()
    assert.ok(pending.every((ref) => bare.db.find('task', ref)))
    // 200 less the number of ended ones may stay: all 60 of them here.
    assert.ok(done.every((ref) => bare.db.find('task', ref)))
    for (let i = 0; i < 90; i++) tasks.complete(pending[i] as string, undefined, '')
    collector(bare.pool)()
    assert.equal(bare.db.count('task'), 60 + 50)
  })
})
