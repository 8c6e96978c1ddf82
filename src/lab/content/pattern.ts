import { createCipheriv, createHash } from 'node:crypto'

/**
 * What a simulated guest writes. A pattern is a function of its seed and the place on the disk, so that a test can work out
 * any byte without asking; the same pattern written twice to the same place changes nothing the second time.
 */
export type Pattern =
  | { readonly kind: 'random'; readonly seed: string }
  | { readonly kind: 'text'; readonly seed: string }
  | { readonly kind: 'byte'; readonly value: number }
  | { readonly kind: 'zero' }

/**
 * Fills `target` with what the pattern has at `offset` of the disk (a multiple of 64). `random` is the key stream of AES-128-CTR
 * with the first half of SHA-256(seed) as key and the block number (offset / 16) as counter; `text` is lines of 64 characters that
 * name seed and offset.
 */
export function fillPattern(target: Buffer, offset: number, pattern: Pattern): void {
  switch (pattern.kind) {
    case 'zero':
      target.fill(0)
      return
    case 'byte':
      target.fill(pattern.value)
      return
    case 'random': {
      const counter = Buffer.alloc(16)
      counter.writeBigUInt64BE(BigInt(offset / 16), 8)
      const key = createHash('sha256').update(pattern.seed).digest().subarray(0, 16)
      target.fill(0)
      createCipheriv('aes-128-ctr', key, counter).update(target).copy(target)
      return
    }
    case 'text': {
      const tail = ` of a disk in the lab, seed ${pattern.seed}`.padEnd(47).slice(0, 47)
      for (let at = 0; at < target.length; at += 64) target.write(`${String(offset + at).padStart(16, '0')}${tail}\n`, at, 'latin1')
      return
    }
    default:
      pattern satisfies never
  }
}
