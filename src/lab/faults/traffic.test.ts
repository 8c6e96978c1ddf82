import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Link, Traffic } from './traffic.ts'

const network = { roundTripMs: 40, bytesPerSecond: undefined, windowBytes: 1 << 20 }

test('without a network nothing is delayed, and what was under way when it went still comes first', async () => {
  const traffic = new Traffic()
  const link = new Link(traffic, 0)
  assert.equal(link.delays(), false)
  traffic.network = network
  assert.equal(link.delays(), true)
  const out: string[] = []
  await link.send('a', (piece) => out.push(String(piece)))
  traffic.network = undefined
  assert.equal(link.delays(), true)
  await link.send('b', (piece) => out.push(String(piece)))
  await new Promise<void>((sent) => link.afterSent(sent))
  assert.deepEqual(out, ['a', 'b'])
  assert.equal(link.delays(), false)
})

test('what was sent is a copy: its memory may be used again', async () => {
  const traffic = new Traffic()
  traffic.network = network
  const link = new Link(traffic, 0)
  const memory = Buffer.from('before')
  const out: string[] = []
  await link.send(memory, (piece) => out.push(String(piece)))
  memory.fill('x')
  await new Promise<void>((sent) => link.afterSent(sent))
  assert.deepEqual(out, ['before'])
})

test('the bandwidth is shared by the connections of a pool, each direction apart', () => {
  const traffic = new Traffic()
  traffic.network = { ...network, roundTripMs: 0, bytesPerSecond: 1000 }
  const now = performance.now()
  const first = traffic.due('out', 500, 0) - now
  const second = traffic.due('out', 500, 0) - now
  const other = traffic.due('in', 500, 0) - now
  assert.ok(first >= 500 && first < 600 && second >= 1000 && second < 1100 && other >= 500 && other < 600)
})

test('more than the window waits until something has arrived; a connection that went holds nobody up', async () => {
  const traffic = new Traffic()
  traffic.network = { ...network, roundTripMs: 60_000 }
  const link = new Link(traffic, 0)
  let resolved = false
  const sending = link
    .send(Buffer.alloc(2 << 20), () => {})
    .then(() => {
      resolved = true
    })
  await new Promise(setImmediate)
  assert.equal(resolved, false)
  link.drop()
  await sending
})
