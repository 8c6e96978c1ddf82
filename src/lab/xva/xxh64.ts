/**
 * XXH64 with seed 0, as the checksums in an XVA are made (specification: xxHash fast digest algorithm, version 0.1.1). 64-bit words are
 * pairs of 32-bit halves, low half first: numbers of 64 bits would take an allocation each.
 */

// The five primes, as [low, high].
const P1 = [0x85ebca87 | 0, 0x9e3779b1 | 0] as const
const P2 = [0x27d4eb4f | 0, 0xc2b2ae3d | 0] as const
const P3 = [0x9e3779f9 | 0, 0x165667b1 | 0] as const
const P4 = [0xc2b2ae63 | 0, 0x85ebca77 | 0] as const
const P5 = [0x165667c5 | 0, 0x27d4eb2f | 0] as const

const STRIPE = 32

/** 16 upper-case hexadecimal digits. */
export function xxh64(data: Uint8Array): string {
  const hash = new Int32Array(2)
  let at = 0
  if (data.length >= STRIPE) {
    const lanes = startLanes()
    at = data.length - (data.length % STRIPE)
    addStripes(lanes, wordsOf(data, at))
    mergeLanes(hash, lanes)
  } else set(hash, P5)
  add(hash, data.length | 0, Math.floor(data.length / 2 ** 32))
  addRemainder(hash, data, at)
  avalanche(hash)
  return digits(hash[1] as number) + digits(hash[0] as number)
}

const digits = (half: number) => (half >>> 0).toString(16).padStart(8, '0').toUpperCase()

/** The first `length` bytes as 32-bit words, copied where memory is not aligned to them. */
function wordsOf(data: Uint8Array, length: number): Int32Array {
  if (data.byteOffset % 4 === 0) return new Int32Array(data.buffer, data.byteOffset, length / 4)
  // Not `slice`, which of a Buffer is no copy.
  return new Int32Array(new Uint8Array(data.subarray(0, length)).buffer)
}

function startLanes(): Int32Array {
  const lanes = new Int32Array(8)
  const first = new Int32Array(P1)
  add(first, ...P2)
  lanes.set(first, 0)
  lanes.set(P2, 2)
  // The fourth is zero less the first prime.
  const negated = new Int32Array([~P1[0], ~P1[1]])
  add(negated, 1, 0)
  lanes.set(negated, 6)
  return lanes
}

/**
 * Takes in whole stripes: in each lane, the word times the second prime is added, turned left by 31, and multiplied by the first
 * prime. Written out in one piece, since this is where the time goes. Products: 16-bit parts of the constants keep every partial sum
 * within 32 bits.
 */
function addStripes(lanes: Int32Array, words: Int32Array): void {
  const p1lo = P1[0]
  const p1hi = P1[1]
  const p1l = p1lo & 0xffff
  const p1h = p1lo >>> 16
  const p2lo = P2[0]
  const p2hi = P2[1]
  const p2l = p2lo & 0xffff
  const p2h = p2lo >>> 16
  const length = words.length
  for (let i = 0; i < length; i += 2) {
    const lane = i & 6
    const wlo = words[i] as number
    const whi = words[i + 1] as number
    let al = wlo & 0xffff
    let ah = wlo >>> 16
    let t = (Math.imul(al, p2l) >>> 16) + Math.imul(ah, p2l)
    let u = (t & 0xffff) + Math.imul(al, p2h)
    const plo = Math.imul(wlo, p2lo)
    const phi = (Math.imul(ah, p2h) + (t >>> 16) + (u >>> 16) + Math.imul(wlo, p2hi) + Math.imul(whi, p2lo)) | 0
    const lo = ((lanes[lane] as number) + plo) | 0
    const hi = ((lanes[lane + 1] as number) + phi + (lo >>> 0 < plo >>> 0 ? 1 : 0)) | 0
    const rlo = (lo << 31) | (hi >>> 1)
    const rhi = (hi << 31) | (lo >>> 1)
    al = rlo & 0xffff
    ah = rlo >>> 16
    t = (Math.imul(al, p1l) >>> 16) + Math.imul(ah, p1l)
    u = (t & 0xffff) + Math.imul(al, p1h)
    lanes[lane] = Math.imul(rlo, p1lo)
    lanes[lane + 1] = (Math.imul(ah, p1h) + (t >>> 16) + (u >>> 16) + Math.imul(rlo, p1hi) + Math.imul(rhi, p1lo)) | 0
  }
}

function mergeLanes(hash: Int32Array, lanes: Int32Array): void {
  for (const [index, turn] of [1, 7, 12, 18].entries()) {
    const lane = lanes.slice(2 * index, 2 * index + 2)
    rotate(lane, turn)
    add(hash, lane[0] as number, lane[1] as number)
  }
  for (let index = 0; index < 4; index++) {
    mix(hash, lanes.slice(2 * index, 2 * index + 2))
    multiply(hash, P1)
    add(hash, ...P4)
  }
}

/** One round of a fresh lane with the word, mixed into the hash. */
function mix(hash: Int32Array, word: Int32Array): void {
  multiply(word, P2)
  rotate(word, 31)
  multiply(word, P1)
  xor(hash, word)
}

function addRemainder(hash: Int32Array, data: Uint8Array, from: number): void {
  const view = new DataView(data.buffer, data.byteOffset, data.length)
  let at = from
  for (; at + 8 <= data.length; at += 8) {
    mix(hash, new Int32Array([view.getInt32(at, true), view.getInt32(at + 4, true)]))
    rotate(hash, 27)
    multiply(hash, P1)
    add(hash, ...P4)
  }
  for (; at + 4 <= data.length; at += 4) {
    const word = new Int32Array([view.getInt32(at, true), 0])
    multiply(word, P1)
    xor(hash, word)
    rotate(hash, 23)
    multiply(hash, P2)
    add(hash, ...P3)
  }
  for (; at < data.length; at++) {
    const word = new Int32Array([data[at] as number, 0])
    multiply(word, P5)
    xor(hash, word)
    rotate(hash, 11)
    multiply(hash, P1)
  }
}

function avalanche(hash: Int32Array): void {
  xorShifted(hash, 33)
  multiply(hash, P2)
  xorShifted(hash, 29)
  multiply(hash, P3)
  xorShifted(hash, 32)
}

type Pair = readonly [low: number, high: number]

function set(target: Int32Array, [low, high]: Pair): void {
  target[0] = low
  target[1] = high
}

function add(target: Int32Array, low: number, high: number): void {
  const sum = ((target[0] as number) + low) | 0
  target[1] = (target[1] as number) + high + (sum >>> 0 < low >>> 0 ? 1 : 0)
  target[0] = sum
}

function xor(target: Int32Array, other: Int32Array): void {
  target[0] = (target[0] as number) ^ (other[0] as number)
  target[1] = (target[1] as number) ^ (other[1] as number)
}

/** To the left by 1 to 31 bits. */
function rotate(target: Int32Array, bits: number): void {
  const low = target[0] as number
  const high = target[1] as number
  target[0] = (low << bits) | (high >>> (32 - bits))
  target[1] = (high << bits) | (low >>> (32 - bits))
}

/** `x ^= x >> bits`, for 29 to 63 bits. */
function xorShifted(target: Int32Array, bits: number): void {
  const low = target[0] as number
  const high = target[1] as number
  if (bits >= 32) target[0] = low ^ (high >>> (bits - 32))
  else {
    target[0] = low ^ ((low >>> bits) | (high << (32 - bits)))
    target[1] = high ^ (high >>> bits)
  }
}

function multiply(target: Int32Array, [low, high]: Pair): void {
  const tlo = target[0] as number
  const thi = target[1] as number
  const al = tlo & 0xffff
  const ah = tlo >>> 16
  const bl = low & 0xffff
  const bh = low >>> 16
  const t = (Math.imul(al, bl) >>> 16) + Math.imul(ah, bl)
  const u = (t & 0xffff) + Math.imul(al, bh)
  target[0] = Math.imul(tlo, low)
  target[1] = Math.imul(ah, bh) + (t >>> 16) + (u >>> 16) + Math.imul(tlo, high) + Math.imul(thi, low)
}
