import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startDiskFiller } from '../content/disk-content.ts'
import { type ControlledPool, runningPool } from '../control/controlled-pool.ts'
import { type DescribedVm, describeVms } from '../control/describe-vms.ts'
import { startControl } from '../control/start-control.ts'
import { createFaults } from '../faults/faults.ts'
import { startBackgroundWriters } from '../guests/background-writers.ts'
import { type GuestSockets, guestSocketUri, openSocketFolder, startGuestSockets } from '../guests/guest-sockets.ts'
import { hostsOf } from '../hosts/pool-hosts.ts'
import type { LabPool, PoolSettings, Refstring } from '../pool.ts'
import { type RunningPool, startPool } from '../start-pool.ts'
import { makeDefaultVms } from './default-vms.ts'
import { LabError, type PoolFolder, type PoolRecord } from './pool-folder.ts'

export interface KeepOptions {
  readonly name: string
  /** Order among the pools of its data folder, when it is new. */
  readonly made: number
  /** XAPI port that was asked for: it, or an error. Otherwise the one it had, or a free one. */
  readonly port: number | undefined
  /** Whether a new pool gets VMs. */
  readonly vms: boolean
  /** Whether a new pool has NBD. */
  readonly nbd: boolean
  /** Hosts of a new pool. */
  readonly hosts?: number
  /** Default: the one it had; random for a new pool. */
  readonly password: string | undefined
  readonly settings: Partial<PoolSettings>
  /** Told what the user should know. */
  note(line: string): void
}

/** A pool as the lab tells of it when it is ready (`understudy lab --json`). */
export interface DescribedPool {
  readonly name: string
  readonly url: string
  readonly user: string
  readonly password: string
  readonly fingerprint: string
  /** null: the pool has no NBD. */
  readonly nbd: { readonly host: string; readonly port: number } | null
  readonly control: string
  readonly srs: readonly { readonly uuid: string; readonly name: string }[]
  readonly vms: readonly DescribedVm[]
  /** Only of pools that have several; `url` and `nbd` above are the master's. */
  readonly hosts?: readonly DescribedHost[]
}

export interface DescribedHost {
  readonly uuid: string
  readonly name: string
  readonly address: string
  readonly url: string
  readonly fingerprint: string
  readonly nbd: { readonly host: string; readonly port: number } | null
  readonly master: boolean
}

/** A pool that is kept running: with its control address, its guests, and the folder that it can be found in again. */
export interface KeptPool extends ControlledPool {
  describe(): DescribedPool
  /** Ends everything of the pool; its folder stays, and can be opened again. */
  close(): Promise<void>
}

type Undo = (() => unknown)[]

/** Starts the pool of the folder, or a new one. The folder is released by `close`, or when this fails. */
export async function keepPool(folder: PoolFolder, options: KeepOptions): Promise<KeptPool> {
  const undo: Undo = [() => folder.release()]
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    return await keep(folder, options, undo, close)
  } catch (error) {
    await close()
    throw error
  }
}

async function keep(folder: PoolFolder, options: KeepOptions, undo: Undo, close: () => Promise<void>): Promise<KeptPool> {
  const { name } = options
  const { record: known } = folder
  let record: PoolRecord = {
    made: known?.made ?? options.made,
    password: options.password ?? known?.password ?? randomBytes(18).toString('base64url'),
    nbd: known?.nbd ?? options.nbd,
    clockOffset: known?.clockOffset ?? 0,
    ports: { xapi: options.port ?? known?.ports.xapi ?? 0, nbd: known?.ports.nbd ?? 0, control: known?.ports.control ?? 0 },
  }
  let settings = options.settings
  let running: RunningPool | undefined
  let sockets: GuestSockets | undefined
  const socketFolder = openSocketFolder(folder.path)
  undo.push(() => socketFolder.remove())
  const filler = await startDiskFiller(join(folder.path, 'scratch'))
  undo.push(() => filler.close())

  const faults = createFaults({
    restart: (downSeconds) =>
      inTurn(async () => {
        await stop()
        await delay(downSeconds * 1000)
        await start()
      }),
  })
  const start = async () => {
    if (running) return
    const { ports } = record
    running = await startPool({
      name,
      faults,
      folder: folder.path,
      port: ports.xapi,
      password: record.password,
      nbd: record.nbd ? { port: ports.nbd } : false,
      settings,
      ...(options.hosts === undefined ? {} : { hosts: options.hosts }),
      srs: ['Local storage', 'NFS storage'],
      now: () => new Date(Date.now() + record.clockOffset),
    })
    sockets = await startGuestSockets(running.pool, socketFolder.path)
    record = { ...record, ports: { ...ports, xapi: running.port, nbd: running.nbd?.port ?? ports.nbd } }
  }
  const stop = async () => {
    const stopped = running
    if (!stopped) return
    running = undefined
    settings = stopped.pool.settings
    await sockets?.close()
    await stopped.stop()
  }
  undo.push(stop)

  await onItsPorts(start, record, options, (ports) => {
    record = { ...record, ports }
  })
  const writers = startBackgroundWriters(() => running?.pool)
  undo.push(() => writers.close())

  // One after the other, whoever asks.
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = (step: () => Promise<void>) => {
    const done = last.then(step)
    last = done.catch(() => undefined)
    return done
  }
  const controlled: ControlledPool = {
    name,
    current: () => running?.pool,
    faults,
    filler,
    writers,
    guestUri: (vm, userdevice) => guestSocketUri(socketFolder.path, vm, userdevice),
    guestsReady: async () => sockets?.settled(),
    setClockOffset(milliseconds) {
      record = { ...record, clockOffset: milliseconds }
      folder.remember(record)
    },
    stop: () => inTurn(stop),
    start: () => inTurn(start),
  }
  const control = await startControl(controlled, record.ports.control).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error
    options.note(`pool ${name}: its control port ${record.ports.control} is taken, another is used`)
    return startControl(controlled, 0)
  })
  undo.push(() => control.close())
  record = { ...record, ports: { ...record.ports, control: control.port } }

  const pool = runningPool(controlled)
  if (!known) {
    const srs = nameSecondSr(pool)
    if (options.vms) {
      if (filler.withoutFileSystems !== undefined) options.note(filler.withoutFileSystems)
      await makeDefaultVms(pool, filler, srs)
    }
  }
  folder.remember(record)
  await controlled.guestsReady()
  return {
    ...controlled,
    describe: () => {
      const pool = runningPool(controlled)
      const { url, fingerprint, nbd } = running as unknown as RunningPool
      return describe(pool, { url, fingerprint, nbd: nbd ?? null, control: control.url, guestUri: controlled.guestUri })
    },
    async close() {
      await last
      await close()
    },
  }
}

/** Starts on the ports of last time; where one is taken meanwhile on a free one, unless it was asked for. */
async function onItsPorts(
  start: () => Promise<void>,
  record: PoolRecord,
  options: KeepOptions,
  use: (ports: PoolRecord['ports']) => void,
): Promise<void> {
  let { ports } = record
  for (;;) {
    try {
      return await start()
    } catch (error) {
      const { code, port } = error as NodeJS.ErrnoException & { port?: number }
      const kind = code === 'EADDRINUSE' ? (['xapi', 'nbd'] as const).find((kind) => ports[kind] !== 0 && ports[kind] === port) : undefined
      if (kind === undefined) throw error
      if (kind === 'xapi' && options.port !== undefined) throw new LabError(`port ${port} is taken`)
      options.note(`pool ${options.name}: its ${kind === 'xapi' ? 'XAPI' : 'NBD'} port ${port} is taken, another is used`)
      ports = { ...ports, [kind]: 0 }
      use(ports)
    }
  }
}

/** The second SR of a new pool is of another kind, as far as a client can see. Answers the default one and this one. */
function nameSecondSr(pool: LabPool): [Refstring, Refstring] {
  const first = pool.db.get('pool', pool.refs.pool).default_SR as Refstring
  const second = pool.db.refs('SR').find((sr) => sr !== first && pool.db.get('SR', sr).name_label === 'NFS storage') ?? first
  if (second !== first) pool.db.update('SR', second, { type: 'nfs', shared: true })
  pool.db.commit()
  return [first, second]
}

function describe(
  pool: LabPool,
  more: Pick<DescribedPool, 'url' | 'fingerprint' | 'nbd' | 'control'> & { guestUri: (vm: string, userdevice: string) => string },
): DescribedPool {
  const { url, fingerprint, nbd, control, guestUri } = more
  const first = pool.db.get('pool', pool.refs.pool).default_SR
  const srs = pool.db
    .refs('SR')
    .filter((ref) => pool.db.get('SR', ref).content_type !== 'iso')
    .sort((a, b) => Number(b === first) - Number(a === first))
    .map((ref) => pool.db.get('SR', ref))
    .map(({ uuid, name_label }) => ({ uuid: uuid as string, name: name_label as string }))
  const vms = describeVms(pool, guestUri)
  const hosts = (hostsOf(pool)?.list() ?? []).map(({ uuid, name, address, url: at, certificate, nbd: own, master }) => {
    return { uuid, name, address, url: at, fingerprint: certificate.fingerprint, nbd: own ?? null, master }
  })
  const several = hosts.length > 1 ? { hosts } : {}
  return { name: pool.name, url, user: pool.user, password: pool.password, fingerprint, nbd, control, srs, vms, ...several }
}
