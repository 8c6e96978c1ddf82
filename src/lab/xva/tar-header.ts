/** Headers of tar members (POSIX.1-1988 ustar), as far as an XVA uses them: plain files with short names. */

export const TAR_BLOCK = 512

const SIZE_AT = 124
const SUM_AT = 148
const TYPE_AT = 156
const PREFIX_AT = 345

export interface TarMember {
  readonly name: string
  /** Bytes of content, which zeroes fill up to a multiple of 512. */
  readonly size: number
  /** `0` a file, `x` and `g` extended headers, and others. */
  readonly type: string
}

/** A file's header: owner root, readable by it alone. `time` in seconds since 1970. */
export function encodeTarHeader(name: string, size: number, time = 0): Buffer {
  if (Buffer.byteLength(name) > 100) throw new RangeError(`too long for a tar header: ${name}`)
  const header = Buffer.alloc(TAR_BLOCK)
  header.write(name, 0)
  writeOctal(header, 100, 8, 0o400)
  writeOctal(header, 108, 8, 0)
  writeOctal(header, 116, 8, 0)
  writeOctal(header, SIZE_AT, 12, size)
  writeOctal(header, 136, 12, time)
  header.write('0', TYPE_AT)
  header.write('ustar\0' + '00', 257)
  header.write(`${sumOf(header).toString(8).padStart(6, '0')}\0 `, SUM_AT)
  return header
}

/** Undefined: not a header, since its sum does not fit or a number can't be read. */
export function decodeTarHeader(block: Buffer): TarMember | undefined {
  const size = readNumber(block, SIZE_AT, 12)
  if (readNumber(block, SUM_AT, 8) !== sumOf(block) || size === undefined) return undefined
  const prefix = block.toString('latin1', 257, 262) === 'ustar' && block[262] === 0 ? text(block, PREFIX_AT, 155) : ''
  const name = text(block, 0, 100)
  const type = String.fromCharCode(block[TYPE_AT] || 0x30)
  return { name: prefix === '' ? name : `${prefix}/${name}`, size, type }
}

/** Zeroes behind a content of that many bytes. */
export const paddingAfter = (size: number) => (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK

/** The mark at the end of an archive. */
export const TAR_END = Buffer.alloc(2 * TAR_BLOCK)

/** All bytes, with the sum's own place counted as spaces. */
function sumOf(header: Buffer): number {
  let sum = 8 * 0x20
  for (let at = 0; at < TAR_BLOCK; at++) if (at < SUM_AT || at >= SUM_AT + 8) sum += header[at] as number
  return sum
}

function writeOctal(header: Buffer, at: number, length: number, value: number): void {
  header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at)
}

/** Octal digits, or with the first bit set a binary number (GNU). */
function readNumber(header: Buffer, at: number, length: number): number | undefined {
  if (((header[at] as number) & 0x80) !== 0) {
    const high = header.subarray(at + 1, at + length - 6)
    return high.every((byte) => byte === 0) && header[at] === 0x80 ? header.readUIntBE(at + length - 6, 6) : undefined
  }
  const digits = header.toString('latin1', at, at + length).replace(/[\0 ].*$/s, (rest) => (/^[\0 ]*$/.test(rest) ? '' : '?'))
  const bare = digits.trimStart()
  return /^[0-7]{1,11}$/.test(bare) ? Number.parseInt(bare, 8) : undefined
}

function text(header: Buffer, at: number, length: number): string {
  const field = header.subarray(at, at + length)
  const end = field.indexOf(0)
  return field.toString('utf8', 0, end < 0 ? length : end)
}
