/**
 * Memory for reads, used again: fresh memory costs as much CPU as reading into it, because the system clears every page.
 * Shared by all sources of a process, and small: what is in use belongs to the byte budget, the shelf only holds what lies idle.
 */

/** Most idle bytes kept. */
const MOST_IDLE = 8 * 1024 * 1024
const FINE = 64 * 1024
const COARSE = 256 * 1024

/** Idle memory by its size; the sizes used last come last. */
const idle = new Map<number, Buffer[]>()
let idleBytes = 0

function roomFor(length: number): number {
  const step = length <= 8 * FINE ? FINE : COARSE
  return Math.ceil(length / step) * step
}

/** Memory of exactly `length` bytes with arbitrary content, and how to give it back (once; it must not be touched afterwards). */
export function takeBuffer(length: number): { readonly buffer: Buffer; readonly giveBack: () => void } {
  const room = roomFor(length)
  const found = idle.get(room)?.pop()
  if (found !== undefined) idleBytes -= room
  const whole = found ?? Buffer.allocUnsafeSlow(room)
  let given = false
  return {
    buffer: whole.length === length ? whole : whole.subarray(0, length),
    giveBack() {
      if (given) return
      given = true
      const list = idle.get(room) ?? []
      list.push(whole)
      idleBytes += room
      idle.delete(room)
      idle.set(room, list)
      for (const [size, buffers] of idle) {
        while (idleBytes > MOST_IDLE && buffers.pop() !== undefined) idleBytes -= size
        if (buffers.length === 0) idle.delete(size)
        if (idleBytes <= MOST_IDLE) break
      }
    },
  }
}
