/** Values of the qcow2 format that reader and writer share (QEMU's docs/interop/qcow2.txt). All numbers in it are big-endian. */
export const MAGIC = 0x514649fb
/** Length of the header that QEMU 9 writes; the fields end at 104. */
export const HEADER_BYTES = 112
/** Bytes of an entry of the L1 and L2 tables. */
export const ENTRY_BYTES = 8
export const MIN_CLUSTER_BITS = 9
export const MAX_CLUSTER_BITS = 21
/** What XAPI's export and XCP-ng's storage use: 64 KiB. */
export const DEFAULT_CLUSTER_BITS = 16

/** Upper half of an entry. */
export const COPIED = 0x8000_0000
export const COMPRESSED = 0x4000_0000
/** Lower half of an L2 entry: the cluster reads as zeroes. */
export const ZERO = 1

/** Place in the stream that an entry of two halves names; 0: none. */
export function placeOf(high: number, low: number): number {
  return (high & 0x00ff_ffff) * 2 ** 32 + (low - (low & 0x1ff))
}
