import assert from 'node:assert/strict'
import { test } from 'node:test'
import { semaphore } from './semaphore.ts'

test('places go to whoever came first, and one given back twice counts once', async () => {
  const places = semaphore(1)
  const first = await places.take()
  const order: number[] = []
  const waits = [1, 2].map((n) =>
    places.take().then((release) => {
      order.push(n)
      return release
    }),
  )
  first()
  first()
  const second = await waits[0]
  assert.deepEqual(order, [1])
  second?.()
  await waits[1]
  assert.deepEqual(order, [1, 2])
})

test('one who gives up waiting takes no place', async () => {
  const places = semaphore(1)
  const release = await places.take()
  const abort = new AbortController()
  const given = places.take(abort.signal)
  const next = places.take()
  abort.abort(new Error('enough'))
  await assert.rejects(given, /enough/)
  release()
  ;(await next)()
  ;(await places.take())()
  await assert.rejects(places.take(AbortSignal.abort(new Error('before'))), /before/)
})
