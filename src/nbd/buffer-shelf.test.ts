import assert from 'node:assert/strict'
import { test } from 'node:test'
import { takeBuffer } from './buffer-shelf.ts'

test('memory is used again once it was given back, and by nobody else before', () => {
  const first = takeBuffer(1024 * 1024)
  const second = takeBuffer(1024 * 1024)
  assert.notEqual(first.buffer.buffer, second.buffer.buffer)
  first.giveBack()
  first.giveBack()
  const third = takeBuffer(1024 * 1024 - 512)
  const fourth = takeBuffer(1024 * 1024)
  assert.equal(third.buffer.buffer, first.buffer.buffer)
  assert.equal(third.buffer.length, 1024 * 1024 - 512)
  assert.notEqual(fourth.buffer.buffer, first.buffer.buffer)
  for (const { giveBack } of [second, third, fourth]) giveBack()
})

test('only so much lies idle, whatever was in use', () => {
  const taken = Array.from({ length: 40 }, () => takeBuffer(1024 * 1024))
  const memory = new Set(taken.map(({ buffer }) => buffer.buffer))
  for (const { giveBack } of taken) giveBack()
  const again = Array.from({ length: 40 }, () => takeBuffer(1024 * 1024))
  assert.equal(again.filter(({ buffer }) => memory.has(buffer.buffer)).length, 8)
  for (const { giveBack } of again) giveBack()
})
