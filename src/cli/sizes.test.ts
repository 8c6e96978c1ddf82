import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatBytes, formatSeconds } from './sizes.ts'

const KIB = 1024
const MIB = KIB * KIB

for (const [bytes, text] of [
  [0, '0 B'],
  [1, '1 B'],
  [1023, '1023 B'],
  [KIB, '1.0 KiB'],
  [1536, '1.5 KiB'],
  [MIB - 1, '1.0 MiB'],
  [1023.9 * KIB, '1023.9 KiB'],
  [MIB, '1.0 MiB'],
  [2 ** 30 - 1, '1.0 GiB'],
  [100 * 2 ** 30, '100.0 GiB'],
  [2 ** 40, '1.0 TiB'],
  [2 ** 53, '8.0 PiB'],
  [4096 * 2 ** 50, '4096.0 PiB'],
] as const) {
  test(`${bytes} bytes are ${text}`, () => assert.equal(formatBytes(bytes), text))
}

for (const [seconds, text] of [
  [0, '0.0 s'],
  [0.04, '0.0 s'],
  [59.94, '59.9 s'],
  [59.96, '1 min 0 s'],
  [60, '1 min 0 s'],
  [119.7, '2 min 0 s'],
  [3599, '59 min 59 s'],
  [3599.6, '1 h 0 min'],
  [3661, '1 h 1 min'],
  [100 * 3600, '100 h 0 min'],
] as const) {
  test(`${seconds} seconds are ${text}`, () => assert.equal(formatSeconds(seconds), text))
}
