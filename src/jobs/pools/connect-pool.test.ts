import assert from 'node:assert/strict'
import { test } from 'node:test'
import { othersToTry } from './connect-pool.ts'

test('hosts of a large pool are tried a few at a time, others at each attempt, all of them in the end', () => {
  const others = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
  assert.deepEqual(othersToTry(others, 0), ['a', 'b', 'c'])
  assert.deepEqual(othersToTry(others, 1), ['d', 'e', 'f'])
  assert.deepEqual(othersToTry(others, 2), ['g', 'a', 'b'])
  assert.deepEqual(othersToTry(['a'], 5), ['a'])
  assert.deepEqual(othersToTry([], 1), [])
})
