import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomBytes, randomNumbers, testSeed } from '../../test/support/random-disk.ts'
import { extentsOfBitmap } from '../block/extents.ts'
import { XapiError } from '../xapi/errors.ts'
import { decodeChangedBlocks } from './block-source.ts'

const seed = testSeed()
const rounds = Number(process.env.UNDERSTUDY_FUZZ_ROUNDS ?? 300)
const GRANULE = 65_536
const STRANGE = ['=', '-', '_', '\n', ' ', '%', '\0', 'é', '====']

test(`a damaged bitmap of changed blocks gives granules inside the disk or is too short, nothing else (seed ${seed}, ${rounds} rounds)`, () => {
  const random = randomNumbers(seed)
  const outcomes = { read: 0, short: 0 }
  for (let round = 0; round < rounds; round++) {
    const granules = 1 + random(600)
    const size = granules * GRANULE - random(128) * 512
    const bits = Buffer.alloc(Math.ceil(granules / 8) + (random(4) ? 0 : random(20)))
    const noise = randomBytes(random, 32)
    for (let at = random(40); at < bits.length; at += 1 + random(40)) bits[at] = random(3) ? 0xff : (noise[at % 32] as number)
    let text = bits.toString('base64')
    for (let strokes = random(3); strokes > 0; strokes--) {
      const at = random(text.length + 1)
      const kind = random(3)
      if (kind === 0) text = text.slice(0, at)
      else if (kind === 1) text = text.slice(0, at) + (STRANGE[random(STRANGE.length)] as string) + text.slice(at)
      else text = text.slice(0, at) + text.slice(at + random(8))
    }
    try {
      let end = 0
      for (const { offset, length } of extentsOfBitmap(decodeChangedBlocks(text, size), GRANULE, size)) {
        assert.ok(offset >= end && offset % GRANULE === 0 && length > 0 && offset + length <= size)
        end = offset + length
      }
      outcomes.read++
    } catch (error) {
      if (!(error instanceof XapiError && error.code === 'CBT_BITMAP_TOO_SHORT')) throw new Error(`round ${round}`, { cause: error })
      outcomes.short++
    }
  }
  if (rounds >= 300) assert.ok(outcomes.read > rounds / 10 && outcomes.short > rounds / 10, JSON.stringify(outcomes))
})
