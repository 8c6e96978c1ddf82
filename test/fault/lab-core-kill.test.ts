import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { type JsonRpc, jsonRpc, RpcFailure } from '../support/json-rpc.ts'
import { type PoolProcess, startPoolProcess } from '../support/pool-process.ts'

interface Batch {
  readonly token: string
  readonly events: readonly { readonly operation: string; readonly class: string; readonly ref: string }[]
}

describe('a pool that dies and starts again', () => {
  let folder: string
  let pool: PoolProcess
  let client: JsonRpc
  const start = async () => {
    pool = await startPoolProcess(folder)
    client = jsonRpc(pool.url, readFileSync(join(folder, 'certificate.pem'), 'utf8'))
    await client.login()
  }
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'core-kill-'))
    await start()
  })
  afterEach(async () => {
    client.close()
    await pool.kill()
    rmSync(folder, { recursive: true, force: true })
  })
  const restart = async (how: 'kill' | 'stop') => {
    client.close()
    await pool[how]()
    await start()
  }
  /** Every object of the classes that are kept; host_metrics says when it was measured. */
  const everything = async () => {
    const out: Record<string, unknown> = {}
    for (const method of await client.bare<string[]>('system.listMethods')) {
      if (!method.endsWith('.get_all_records') || method.startsWith('task.') || method.startsWith('host_metrics.')) continue
      const records = await client.call<Record<string, Record<string, unknown>>>(method)
      // Sets have no order.
      for (const record of Object.values(records)) for (const value of Object.values(record)) if (Array.isArray(value)) value.sort()
      out[method] = records
    }
    return out
  }

  for (const how of ['kill', 'stop'] as const) {
    test(`finds the same objects, references and certificate after a ${how}`, async () => {
      const sr = (await client.call<string[]>('SR.get_all'))[0]
      await client.call('VDI.create', {
        SR: sr,
        virtual_size: 8 << 20,
        type: 'user',
        sharable: false,
        read_only: false,
        other_config: { a: 'b' },
        name_label: 'kept',
      })
      const before = await everything()
      await restart(how)
      assert.deepEqual(await everything(), before)
    })

    test(`sessions and tasks are gone after a ${how}`, async () => {
      const session = await client.login()
      const task = await client.call<string>('task.create', 'lost', '')
      await restart(how)
      await assert.rejects(client.bare('pool.get_all', session), (error) => error instanceof RpcFailure && error.code === 'SESSION_INVALID')
      await assert.rejects(client.call('task.get_status', task), (error) => error instanceof RpcFailure && error.code === 'HANDLE_INVALID')
    })

    test(`a token from before a ${how} gives what changed since, once`, async () => {
      const [ref] = await client.call<string[]>('pool.get_all')
      const { token } = await client.call<Batch>('event.from', ['*'], '', 0)
      await client.call('pool.add_to_other_config', ref, 'before', 'x')
      await restart(how)
      const network = await client.call<string>('network.create', { name_label: 'new', other_config: {} })
      const batch = await client.call<Batch>('event.from', ['pool', 'network'], token, 5)
      assert.deepEqual(
        batch.events.map((event) => [event.operation, event.ref]).sort(),
        [
          ['add', network],
          ['mod', ref],
        ].sort(),
      )
      assert.ok(batch.token > token)
      assert.deepEqual((await client.call<Batch>('event.from', ['pool', 'network'], batch.token, 0)).events, [])
    })
  }

  test('what was answered is kept, whenever the pool is killed', async () => {
    const seed = Number(process.env.SEED ?? Date.now() % 1e9)
    console.log(`seed ${seed} (SEED=${seed} repeats it)`)
    let state = seed >>> 0
    const random = (below: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    }
    const [ref] = await client.call<string[]>('pool.get_all')
    /** Answered for sure, and those that were under way when the pool died. */
    const expected = new Map<string, string>()
    for (let round = 0; round < 5; round++) {
      const underWay = new Set<string>()
      let dead = false
      const worker = async (id: number) => {
        for (let n = 0; !dead; n++) {
          const key = `${round}-${id}-${n}`
          underWay.add(key)
          try {
            await client.call('pool.add_to_other_config', ref, key, String(n))
          } catch {
            return
          }
          underWay.delete(key)
          expected.set(key, String(n))
        }
      }
      const workers = [0, 1, 2, 3].map(worker)
      await new Promise((resolve) => setTimeout(resolve, 20 + random(150)))
      client.close()
      await pool.kill()
      dead = true
      await Promise.all(workers)
      await start()
      const found = await client.call<Record<string, string>>('pool.get_other_config', ref)
      for (const [key, value] of expected) assert.equal(found[key], value, `${key} was answered and is lost`)
      for (const key of Object.keys(found)) {
        assert.ok(expected.has(key) || underWay.has(key), `${key} came from nowhere`)
        expected.set(key, found[key] as string)
      }
    }
    assert.ok(expected.size > 20, `${expected.size} calls were answered`)
  })
})
