import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { type BarePool, barePool, failsWith } from '../../../test/support/bare-pool.ts'

interface Batch {
  readonly events: readonly { class: string; operation: string; ref: string; id: string; snapshot?: Record<string, unknown> }[]
  readonly token: string
  readonly valid_ref_counts: Readonly<Record<string, number>>
}

describe('event.from', () => {
  let bare: BarePool
  beforeEach(async () => {
    bare = await barePool()
  })
  afterEach(() => bare.close())
  const from = async (classes: string[], token: string, timeout = 5) =>
    (await bare.call('event.from', classes, token, timeout)) as unknown as Batch
  const seen = ({ events }: Batch) => events.map((event) => `${event.operation} ${event.class}`)

  test('a change wakes a waiting call long before its time is up', async () => {
    const { token } = await from(['VM'], '', 0)
    const start = performance.now()
    const waiting = from(['VM'], token, 60)
    setTimeout(() => bare.db.create('VM', { name_label: 'new' }), 100)
    const batch = await waiting
    assert.deepEqual(seen(batch), ['add vm'])
    assert.ok(performance.now() - start < 5000)
  })

  test('changes of other objects do not wake it', async () => {
    const vm = bare.db.create('VM', {})
    const { token } = await from([`VM/${vm}`], '', 0)
    const waiting = from([`VM/${vm}`], token, 0.4)
    setTimeout(() => bare.db.create('VM', {}), 50)
    const batch = await waiting
    assert.deepEqual(batch.events, [])
  })

  test('changes that come together are told together', async () => {
    const { token } = await from(['*'], '', 0)
    const waiting = from(['*'], token, 5)
    setTimeout(() => {
      const vm = bare.db.create('VM', {})
      // In the same turn of the loop: a timer might come after those of the pool on a busy machine.
      setImmediate(() => bare.db.create('VBD', { VM: vm }))
    }, 100)
    assert.deepEqual(seen(await waiting).sort(), ['add vbd', 'add vm'])
  })

  test('what happened since a token is one event an object: adds, then mods, then dels', async () => {
    const [changed, removed] = [bare.db.create('VM', {}), bare.db.create('VM', {})]
    const { token } = await from(['VM'], '', 0)
    const added = bare.db.create('VM', { name_label: '1' })
    bare.db.update('VM', added, { name_label: '2' })
    bare.db.update('VM', changed, { name_label: '3' })
    bare.db.update('VM', removed, { name_label: '4' })
    bare.db.delete('VM', removed)
    bare.db.delete('VM', bare.db.create('VM', {}))
    const batch = await from(['VM'], token)
    assert.deepEqual(
      batch.events.map(({ operation, ref, snapshot }) => [operation, ref, snapshot?.name_label]),
      [
        ['add', added, '2'],
        ['mod', changed, '3'],
        ['del', removed, undefined],
      ],
    )
    assert.deepEqual((await from(['VM'], batch.token, 0)).events, [])
  })

  test('nothing is missed or told twice by a client that goes on from token to token', async () => {
    const seed = Number(process.env.SEED ?? Date.now() % 1e9)
    console.log(`seed ${seed} (SEED=${seed} repeats it)`)
    let state = seed >>> 0
    const random = (below: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    }
    const cache = new Map<string, unknown>()
    let token = ''
    for (let round = 0; round < 100; round++) {
      for (let n = random(8); n > 0; n--) {
        const refs = bare.db.refs('VM')
        const ref = refs[random(refs.length)]
        const what = random(3)
        if (what === 0 || ref === undefined) bare.db.create('VM', {})
        else if (what === 1) bare.db.update('VM', ref, { name_label: String(random(1000)) })
        else bare.db.delete('VM', ref)
      }
      const batch = await from(['VM'], token, 0)
      for (const { operation, ref, snapshot } of batch.events) {
        assert.equal(cache.has(ref), operation !== 'add', `${operation} of ${cache.has(ref) ? 'a known' : 'an unknown'} object`)
        if (operation === 'del') cache.delete(ref)
        else cache.set(ref, snapshot?.name_label)
      }
      token = batch.token
      assert.equal(batch.valid_ref_counts.vm, cache.size)
    }
    assert.deepEqual(cache, new Map(bare.db.refs('VM').map((ref) => [ref, bare.db.get('VM', ref).name_label])))
  })

  test('logging out ends a waiting call', async () => {
    const { token } = await from(['*'], '', 0)
    const waiting = assert.rejects(from(['*'], token, 60), failsWith('SESSION_INVALID', bare.session))
    setTimeout(() => bare.call('session.logout'), 100)
    await waiting
  })

  test('a stopping pool ends waiting calls', async () => {
    const other = await barePool()
    const waiting = assert.rejects(other.call('event.from', ['VM'], '', 60))
    setTimeout(() => other.close(), 100)
    await waiting
  })

  test('sessions are told only to who asks for them by name', async () => {
    assert.ok(!seen(await from(['*'], '', 0)).includes('add session'))
    assert.ok(seen(await from(['session'], '', 0)).includes('add session'))
  })

  test('messages come first, and inject gives a token that covers none of them', async () => {
    const vm = bare.db.create('VM', {})
    bare.db.create('message', { name: 'before' })
    const token = (await bare.call('event.inject', 'VM', vm)) as string
    assert.deepEqual(seen(await from(['*'], token)), ['add message', 'mod vm'])
  })

  test('every class of the database is counted, whatever was asked for', async () => {
    const { valid_ref_counts: counts } = await from(['VM'], '', 0)
    assert.deepEqual(
      Object.keys(counts).sort(),
      bare.db
        .classNames()
        .map((name) => name.toLowerCase())
        .sort(),
    )
    assert.equal(counts.host, 1)
  })
})

describe('event.next', () => {
  test('gives what was registered for since then, one event a change, and waits for it', async () => {
    const bare = await barePool()
    try {
      await assert.rejects(bare.call('event.next'), (error) => {
        failsWith('SESSION_NOT_REGISTERED')(error)
        assert.ok(!JSON.stringify(error).includes(bare.session), 'the session is not in the error')
        return true
      })
      bare.db.create('VM', {})
      await bare.call('event.register', ['vm'])
      const waiting = bare.call('event.next') as unknown as Promise<{ operation: string; class: string }[]>
      setTimeout(() => {
        const vm = bare.db.create('VM', {})
        bare.db.create('VDI', {})
        bare.db.update('VM', vm, { name_label: 'x' })
        bare.db.delete('VM', vm)
      }, 20)
      assert.deepEqual(
        (await waiting).map((event) => `${event.operation} ${event.class}`),
        ['add vm', 'mod vm', 'del vm'],
      )
    } finally {
      bare.close()
    }
  })

  test('a client that never fetches is told that events were lost', async () => {
    const bare = await barePool()
    try {
      await bare.call('event.register', ['*'])
      const vm = bare.db.create('VM', { name_description: 'x'.repeat(100_000) })
      for (let i = 0; i < 200; i++) bare.db.update('VM', vm, { name_label: String(i) })
      await assert.rejects(bare.call('event.next'), failsWith('EVENTS_LOST'))
    } finally {
      bare.close()
    }
  })
})
