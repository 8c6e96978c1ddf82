/** What can be wrong with a VHD stream, or with the way a writer is used. */
export type VhdErrorCode =
  /** The stream ended before the part that was due. */
  | 'truncated'
  /** No VHD footer at the start, and nothing that could be a fixed disk. */
  | 'not-a-vhd'
  /** Bad checksum, version or contradictory values in the first footer. */
  | 'bad-footer'
  /** The same of the header of a dynamic or differencing disk. */
  | 'bad-header'
  /** The block table names a place twice, too early, or a block beyond the disk. */
  | 'bad-table'
  /** The footer at the end is missing, damaged or another one. */
  | 'bad-final-footer'
  /** A size above what the reader accepts. */
  | 'too-large'
  /** Parts lie in an order that a stream can't be read in. */
  | 'not-forward'
  /** A kind of VHD that this codec doesn't read from a stream. */
  | 'unsupported'
  /** The writer was given something other than planned. */
  | 'not-planned'

/** A VHD stream that can't be read or made. `offset` is the place in the stream (for a writer: in the disk), in bytes. */
export class VhdError extends Error {
  readonly code: VhdErrorCode
  readonly offset: number
  constructor(code: VhdErrorCode, offset: number, message: string) {
    super(`VHD: ${message} (at byte ${offset})`)
    this.name = 'VhdError'
    this.code = code
    this.offset = offset
  }
}
