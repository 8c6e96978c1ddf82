/** Opens a disk of a pool over NBD: asks XAPI where it is served, checks the certificate it told, reads the extents asked for. */
import type { BlockSource } from '../block/block.ts'
import { totalLength } from '../block/extents.ts'
import type { Segment } from '../core/segments.ts'
import { NbdError } from '../nbd/nbd-error.ts'
import { type NbdPool, type NbdServer, openNbdPool } from '../nbd/pool.ts'
import type { Ref } from '../xapi/ref.ts'
import type { Xapi } from '../xapi/xapi.ts'
import type { NbdTransport } from './nbd-transport.ts'
import { segmentedNbdSource } from './segmented.ts'
import type { RunContext } from './session.ts'

const MIB = 1024 * 1024
/** Of the 16 connections that a host grants to all its clients together, one disk takes at most these. */
const MOST_CONNECTIONS = 4

/**
 * Connections worth their cost for `bytes` to read: each is an attachment to the control domain, about a second on a real host.
 */
export function connectionsFor(bytes: number): number {
  if (bytes < 256 * MIB) return 1
  return bytes < 4096 * MIB ? 2 : MOST_CONNECTIONS
}

/** Throws NbdError NBD_NO_SERVER when no network of the hosts serves NBD, NBD_INSECURE when they serve it in clear text and may not. */
export async function connectDisk(
  xapi: Xapi,
  vdi: Ref<'VDI'>,
  size: number,
  bytes: number,
  signal: AbortSignal,
  transport: NbdTransport = 'tls',
): Promise<NbdPool> {
  // The name of an export carries the session: with servers that do not encrypt nothing is begun.
  if (transport === 'refused') throw new NbdError('NBD_INSECURE', 'the hosts serve NBD in clear text only (network purpose insecure_nbd)')
  const candidates = await xapi.call<NbdServer[]>('VDI.get_nbd_info', [vdi], { signal })
  return openNbdPool({ candidates, size, connections: connectionsFor(bytes), signal, clearText: transport === 'clear' })
}

/** A source of the segments of a disk; the first connection stands when this returns. */
export async function openNbdBlocks(
  { signal, transportOf }: { readonly signal: AbortSignal; readonly transportOf?: RunContext['transportOf'] },
  xapi: Xapi,
  vdi: Ref<'VDI'>,
  segments: readonly Segment[],
  size: number,
): Promise<BlockSource> {
  const bytes = segments.reduce((sum, { extents }) => sum + totalLength(extents), 0)
  return segmentedNbdSource(await connectDisk(xapi, vdi, size, bytes, signal, transportOf?.(xapi)), size, segments)
}
