/** Reads an archive from a request's body: finds out how it is compressed, and goes from member to member (xen-api ocaml/xapi/import.ml). */
import { type BulkRequest, XapiFailure } from '../pool.ts'
import { type ByteSource, decompressedSource, plainSource } from './byte-streams.ts'
import { ArchiveFault, OVA_XML } from './ova-xml.ts'
import { decodeTarHeader, paddingAfter, TAR_BLOCK, type TarMember } from './tar-header.ts'

/** Records of VMs are small; a host has no limit of its own, this process needs one. */
const MAX_XML_BYTES = 64 << 20
const MAX_EXTENDED_HEADER_BYTES = 1 << 20
const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd])

/** The archive ends where something is due. */
export class PrematureEnd extends Error {
  override readonly name = 'PrematureEnd'
}

export interface Archive {
  readonly xml: string
  /** Positioned at the second member. */
  readonly source: ByteSource
}

/**
 * Opens the archive in a body. What does not begin with a header of `ova.xml` is taken for compressed: zstd by its first bytes, else
 * gzip; so that an archive of something else ends prematurely, and only inside compression is its first name complained of.
 * A length in the request limits compressed bodies only.
 */
export async function openArchive(request: BulkRequest): Promise<Archive> {
  const length = request.headers.get('content-length')
  const first = await request.read(TAR_BLOCK)
  const header = first.length === TAR_BLOCK ? decodeTarHeader(first) : undefined
  if (header?.name === OVA_XML) {
    const source = plainSource(Buffer.alloc(0), request)
    return { source, xml: await readXml(source, header) }
  }
  const compression = first.subarray(0, ZSTD_MAGIC.length).equals(ZSTD_MAGIC) ? 'zstd' : 'gzip'
  const source = decompressedSource(first, request, compression, length === undefined ? undefined : Number(length))
  try {
    const member = await nextMember(source)
    if (member.name !== OVA_XML) throw new XapiFailure('IMPORT_ERROR_UNEXPECTED_FILE', [OVA_XML, member.name])
    return { source, xml: await readXml(source, member) }
  } catch (error) {
    await source.close()
    throw error
  }
}

/** The next file; extended headers are passed over. PrematureEnd at the end, ArchiveFault for what is no header. */
export async function nextMember(source: ByteSource): Promise<TarMember> {
  for (;;) {
    const block = await exactly(source, TAR_BLOCK)
    if (block.every((byte) => byte === 0)) throw new PrematureEnd()
    const member = decodeTarHeader(block)
    if (!member) throw new ArchiveFault('a tar header is broken')
    if (member.type !== 'x' && member.type !== 'g') return member
    if (member.size > MAX_EXTENDED_HEADER_BYTES) throw new ArchiveFault('an extended tar header is too large')
    await contentOf(source, member)
  }
}

/** The whole content of a member, whose size the caller has looked at. */
export async function contentOf(source: ByteSource, { size }: TarMember): Promise<Buffer> {
  const content = await exactly(source, size)
  await exactly(source, paddingAfter(size))
  return content
}

async function readXml(source: ByteSource, member: TarMember): Promise<string> {
  if (member.size > MAX_XML_BYTES) throw new ArchiveFault(`${OVA_XML} has ${member.size} bytes`)
  return (await contentOf(source, member)).toString('utf8')
}

async function exactly(source: ByteSource, length: number): Promise<Buffer> {
  const data = length === 0 ? Buffer.alloc(0) : await source.read(length)
  if (data.length < length) throw new PrematureEnd()
  return data
}
