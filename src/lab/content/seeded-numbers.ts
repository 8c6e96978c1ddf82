import { createHash } from 'node:crypto'

/** Whole numbers from 0 up to, not including, `below` (at most 2^53). */
export type Numbers = (below: number) => number

/** An endless, repeatable sequence of evenly spread numbers: the small fast counting generator (sfc32) started from SHA-256(seed). */
export function seededNumbers(seed: string): Numbers {
  const start = createHash('sha256').update(seed).digest()
  let a = start.readInt32LE(0)
  let b = start.readInt32LE(4)
  let c = start.readInt32LE(8)
  let counter = 1
  const next = () => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum >>> 0
  }
  for (let round = 0; round < 12; round++) next()
  return (below) => Math.floor(((next() * 2 ** 21 + (next() >>> 11)) / 2 ** 53) * below)
}

/** `count` different numbers below `below`, ascending. `count` must not be above `below`. */
export function distinctNumbers(numbers: Numbers, count: number, below: number): number[] {
  const chosen = new Set<number>()
  // Floyd's way: exactly `count` draws, whatever part of the range is taken.
  for (let top = below - count; top < below; top++) {
    const drawn = numbers(top + 1)
    chosen.add(chosen.has(drawn) ? top : drawn)
  }
  return [...chosen].sort((a, b) => a - b)
}
