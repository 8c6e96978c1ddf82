/** What the checks of one pool share: the connection, the storage, and the scratch disks with what must be on them. */
import type { ByteBudget } from '../../block/block.ts'
import type { PoolLogin } from '../../xapi/pool-url.ts'
import type { RecordOf } from '../../xapi/records.generated.ts'
import type { Ref } from '../../xapi/ref.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import type { ScratchOwner } from './scratch.ts'

/** `both`: source and target are the same storage of one pool. */
export type SideName = 'source' | 'target' | 'both'

/** Why a certificate was accepted, as the user would say it: `--trust`… Undefined before it was. */
export type AcceptedBy = () => string | undefined

export interface PoolToCheck {
  readonly side: SideName
  readonly login: PoolLogin
  /** Opens a TLS connection, asking the trust policy; gives the certificate's last day. Throws as the XAPI client does. */
  readonly probe: (signal: AbortSignal) => Promise<{ readonly fingerprint: string; readonly validTo: Date; readonly protocol: string }>
  readonly acceptedBy: AcceptedBy
  readonly connect: (signal: AbortSignal) => Promise<Xapi>
  /** Sends the head of a request of this many bytes, as bulk transfers do; gives the status of the reply. */
  readonly sendHead: (bytes: number, signal: AbortSignal) => Promise<number>
  /** uuid of the storage to try; undefined: that of the VM, or else the pool's default one. */
  readonly sr: string | undefined
  /** uuid of a VM whose first disk's storage is tried; nothing of it is touched. */
  readonly vm: string | undefined
}

/** A disk of ours and the bytes that it must hold. */
export interface ScratchDisk {
  readonly ref: Ref<'VDI'>
  readonly size: number
  readonly content: Buffer
}

/** Checks fill it in as they go. What a check takes out of it without asking is assured by what it `needs`. */
export interface Bench {
  readonly pool: PoolToCheck
  readonly owner: ScratchOwner
  readonly budget: ByteBudget
  certificate?: { readonly fingerprint: string; readonly validTo: Date; readonly protocol: string }
  /** The certificate was not accepted: why. */
  refused?: Error
  connected?: Xapi
  /** Milliseconds that the pool's clock is ahead of this machine's. */
  skewMs?: number
  storage?: { readonly ref: Ref<'SR'>; readonly record: RecordOf['SR']; readonly free: number | undefined }
  scratch?: ScratchDisk
  /** What is written by: the fallback where the host refuses the chunked import. */
  writesBy?: 'chunked' | 'vhd'
  /** Snapshots of the scratch disk, and the offsets of 64 KiB granules written between them. */
  base?: ScratchDisk
  top?: ScratchDisk
  written?: readonly number[]
  vm?: Ref<'VM'>
  vmSnapshot?: Ref<'VM'>
  /** The disk that throughput is measured on, and how much of it was written. */
  measured?: { readonly ref: Ref<'VDI'>; readonly size: number; readonly bytes: number }
  nbdUsable?: boolean
}

export function xapiOf({ connected }: Bench): Xapi {
  if (connected === undefined) throw new Error('this check came before the login')
  return connected
}

/** Something that an earlier check was to leave on the bench. */
export function taken<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('an earlier check left nothing to work with')
  return value
}
