export type Qcow2ErrorCode =
  /** The stream ended before the part that was due. */
  | 'truncated'
  /** No qcow2 header at the start. */
  | 'not-a-qcow2'
  /** Values that contradict each other, or places outside of the stream. */
  | 'bad-header'
  | 'bad-table'
  /** A size above what the reader accepts. */
  | 'too-large'
  /** Parts lie in an order that a stream can't be read in. */
  | 'not-forward'
  /** A backing file, encryption, compression: nothing that XAPI's export makes. */
  | 'unsupported'
  /** Something follows the last cluster. */
  | 'not-at-the-end'

/** A qcow2 stream that can't be read. `offset` is the place in the stream, in bytes. */
export class Qcow2Error extends Error {
  readonly code: Qcow2ErrorCode
  readonly offset: number
  constructor(code: Qcow2ErrorCode, offset: number, message: string) {
    super(`qcow2: ${message} (at byte ${offset})`)
    this.name = 'Qcow2Error'
    this.code = code
    this.offset = offset
  }
}
