/**
 * A writable NBD socket for every disk of every VM: the door through which any program (qemu-io, nbdcopy, a QEMU guest) plays
 * the VM's guest. Sockets follow the pool: a disk that comes gets one, a disk that goes loses it.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { serveGuestDisk } from '../nbd/guest-disk-server.ts'
import type { LabPool, Refstring } from '../pool.ts'
import { disksOf, type GuestDisk, GuestError, isPlainVm, refusal } from './guest-disk.ts'

/** What a Unix socket's path may be long, in bytes, on every system (sun_path: 104 on macOS and BSD, 108 on Linux). */
const pathLimit = 100
/** Bytes of a socket's own name: VM uuid, position, ending. */
const nameLength = 48

/** The URI of a disk's guest side. It stays the same across restarts, snapshots and reverts: it names VM and position. */
export function guestSocketUri(folder: string, vm: string, userdevice: string): string {
  const path = socketPath(folder, vm, userdevice)
  return `nbd+unix:///?socket=${path.split('/').map(encodeURIComponent).join('/')}`
}

function socketPath(folder: string, vm: string, userdevice: string): string {
  return join(folder, `${vm}-${userdevice.replaceAll(/[^a-z0-9]/gi, '_')}.sock`)
}

/**
 * Where the sockets of a pool in `folder` go: beside its data, or in a short folder of its own under the system's folder for
 * temporary files when that path would be too long for a socket. Made, open to nobody else, and emptied.
 */
export function openSocketFolder(folder: string): { readonly path: string; remove(): void } {
  const beside = join(resolve(folder), 'guests')
  const short = Buffer.byteLength(beside) + nameLength <= pathLimit
  const path = short ? beside : join(tmpdir(), `lab-${createHash('sha256').update(resolve(folder)).digest('hex').slice(0, 10)}`)
  rmSync(path, { recursive: true, force: true })
  // Not made: somebody else's is there.
  mkdirSync(path, { mode: 0o700 })
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

export interface GuestSockets {
  /** Resolves when the sockets are those of the disks that there are now. */
  settled(): Promise<void>
  close(): Promise<void>
}

/** Serves the disks of all plain VMs of the pool until it is closed; when it resolves all sockets are there. */
export async function startGuestSockets(pool: LabPool, folder: string): Promise<GuestSockets> {
  const served = new Map<string, { close(): Promise<void> }>()
  let work: Promise<void> = Promise.resolve()
  let scheduled = false
  let closed = false

  function wanted(): Map<string, { vm: Refstring; userdevice: string }> {
    const found = new Map<string, { vm: Refstring; userdevice: string }>()
    for (const vm of pool.db.refs('VM')) {
      const row = pool.db.get('VM', vm)
      if (!isPlainVm(row)) continue
      for (const { userdevice } of disksOf(pool, vm)) found.set(socketPath(folder, row.uuid as string, userdevice), { vm, userdevice })
    }
    return found
  }

  async function follow(): Promise<void> {
    const now = closed ? new Map<string, never>() : wanted()
    for (const [path, server] of served) {
      if (now.has(path)) continue
      served.delete(path)
      await server.close()
    }
    for (const [path, { vm, userdevice }] of now) {
      if (!served.has(path)) served.set(path, await serveGuestDisk({ socketPath: path, ...guestSide(pool, vm, userdevice) }))
    }
  }

  const stopListening = pool.db.onChange((className) => {
    if (scheduled || closed || (className !== 'VBD' && className !== 'VM')) return
    scheduled = true
    work = work.then(async () => {
      // Once for all that changes together, and not in the middle of it.
      await setImmediate()
      scheduled = false
      // What one change could not get (a file handle, say), the next one tries again.
      await follow().catch(() => undefined)
    })
  })
  work = follow()
  await work
  return {
    async settled() {
      for (let seen: unknown; seen !== work; ) {
        seen = work
        await work
      }
    },
    async close() {
      closed = true
      stopListening()
      work = work.then(follow)
      await work
    },
  }
}

/** What the socket of a VM's position serves: whatever disk is there, as long as the VM runs. */
function guestSide(pool: LabPool, vm: Refstring, userdevice: string) {
  let last: GuestDisk | undefined
  const disk = (): GuestDisk => {
    // A revert or a swap puts another disk to the position.
    if (last && pool.db.find('VBD', last.vbd)?.VDI === last.vdi) return last
    last = pool.db.find('VM', vm) ? disksOf(pool, vm).find((one) => one.userdevice === userdevice) : undefined
    if (!last) throw new GuestError('no-such-disk', 'the VM no longer has this disk')
    return last
  }
  return {
    disk: () => {
      const why = refusal(pool, disk(), 'read')
      if (why !== undefined) throw new GuestError('not-writable', why)
      return pool.storage.disk(disk().vdi)
    },
    size: () => pool.db.get('VDI', disk().vdi).virtual_size as number,
    writable: () => refusal(pool, disk(), 'write') === undefined,
  }
}
