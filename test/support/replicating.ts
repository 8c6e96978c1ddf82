/** What tests of replication share: two pools, runs of the engine on them, and a look at what is on both sides afterwards. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, afterEach, before, beforeEach } from 'node:test'
import { createByteBudget } from '../../src/block/budget.ts'
import { readMarks, readRestorePointMark } from '../../src/core/marks.ts'
import type { RunEvent, RunReport, VerifyMode } from '../../src/core/report.ts'
import { executeRun, prepareRun, type RunOptions } from '../../src/replication/run.ts'
import { withChain } from '../../src/replication/with-chain.ts'
import { connectXapi } from '../../src/xapi/connect.ts'
import type { RecordOf } from '../../src/xapi/records.generated.ts'
import type { Ref } from '../../src/xapi/ref.ts'
import { trustListed } from '../../src/xapi/trust.ts'
import type { Xapi } from '../../src/xapi/xapi.ts'
import { type ControlledLabPool, type StartedLab, type StartedPool, startLab } from './lab.ts'

export const MIB = 1024 * 1024

/**
 * Two pools for the tests of a `describe`, empty unless told otherwise: `use` gets them once they run, and they are stopped when all tests are
 * done. `fresh`: new ones for every test.
 */
export function withTwoPools(
  use: (source: StartedPool, target: StartedPool) => void,
  { fresh = false, ...options }: Parameters<typeof startLab>[0] & { readonly fresh?: boolean } = {},
): void {
  let lab: StartedLab | undefined
  const [begin, end] = fresh ? [beforeEach, afterEach] : [before, after]
  begin(async () => {
    lab = await startLab({ pools: ['paris', 'oslo'], empty: true, ...options })
    const [source, target] = lab.pools as [StartedPool, StartedPool]
    use(source, target)
  })
  end(() => lab?.close())
}

export const connectTo = (pool: ControlledLabPool): Promise<Xapi> =>
  connectXapi({ url: pool.url, user: pool.user, password: pool.password, trust: trustListed([pool.fingerprint]) })

/** Connects, uses, logs out. */
export async function withXapi<T>(pool: ControlledLabPool, use: (xapi: Xapi) => Promise<T>): Promise<T> {
  const xapi = await connectTo(pool)
  try {
    return await use(xapi)
  } finally {
    await xapi.close()
  }
}

export interface Chain {
  readonly source: ControlledLabPool
  readonly target: ControlledLabPool
  readonly vm: string
  /** uuid of the target SR */
  readonly sr: string
  readonly job: string
  /** Default: the job's id. */
  readonly schedule?: string
}

/** A chain of its own for a VM, to the first SR of the target (or of another pool, or another SR). */
export function chainBetween(source: ControlledLabPool, target: ControlledLabPool, vm: MadeVm, more: Partial<Chain> = {}): Chain {
  return { source, target, vm: vm.uuid, sr: (more.target ?? target).srs[0]?.uuid as string, job: randomUUID(), ...more }
}

/** Does something before, after or instead of a call: gets what makes the call, gives what the engine sees. */
export type Meddle = (method: string, params: readonly unknown[], go: () => Promise<unknown>) => Promise<unknown>

export function meddled(xapi: Xapi, meddle: Meddle | undefined): Xapi {
  if (meddle === undefined) return xapi
  return new Proxy(xapi, {
    get(real, key) {
      const value: unknown = Reflect.get(real, key)
      if (key === 'call' || key === 'callAsync') {
        return (method: string, params: readonly unknown[], options: object) =>
          meddle(method, params, () => real[key](method, params, options))
      }
      return typeof value === 'function' ? value.bind(real) : value
    },
  })
}

export interface RunChanges {
  /** By side: every call of the run goes through it. */
  readonly meddle?: { readonly source?: Meddle; readonly target?: Meddle }
  readonly run?: string
  readonly verify?: VerifyMode
  readonly retention?: number
  readonly signal?: AbortSignal
  readonly networks?: ReadonlyMap<string, string | null>
  readonly allowInsecureNbd?: boolean
  readonly memory?: boolean
  readonly leastSegment?: number
  readonly onBrokenChain?: RunOptions['onBrokenChain']
  readonly excludeDisks?: readonly string[]
  readonly onEvent?: (event: RunEvent) => void
  readonly lockTiming?: RunOptions['lockTiming']
  /** Called between plan and execution. */
  readonly between?: () => Promise<void>
}

/** One run in this process. */
export async function replicate(chain: Chain, changes: RunChanges = {}): Promise<RunReport> {
  return withXapi(chain.source, (connected) => {
    const source = meddled(connected, changes.meddle?.source)
    const both = (other: Xapi) => {
      const target = other === connected ? source : meddled(other, changes.meddle?.target)
      const options: RunOptions = {
        source,
        target,
        ids: { run: changes.run ?? randomUUID(), job: chain.job, schedule: chain.schedule ?? chain.job, vm: chain.vm, sr: chain.sr },
        retention: changes.retention ?? 3,
        verify: changes.verify ?? 'changed',
        networks: changes.networks ?? new Map(),
        allowInsecureNbd: changes.allowInsecureNbd ?? false,
        memory: changes.memory ?? false,
        signal: changes.signal ?? new AbortController().signal,
        budget: createByteBudget(64 * MIB),
        ...(changes.onEvent === undefined ? {} : { onEvent: changes.onEvent }),
        ...(changes.lockTiming === undefined ? {} : { lockTiming: changes.lockTiming }),
        ...(changes.excludeDisks === undefined ? {} : { excludeDisks: new Set(changes.excludeDisks) }),
        ...(changes.onBrokenChain === undefined ? {} : { onBrokenChain: changes.onBrokenChain }),
        ...(changes.leastSegment === undefined ? {} : { leastSegment: changes.leastSegment }),
      }
      return withChain(options, async (held) => {
        const prepared = await prepareRun(held)
        await changes.between?.()
        return executeRun(held, prepared, new Date())
      })
    }
    return chain.source.url === chain.target.url ? both(connected) : withXapi(chain.target, both)
  })
}

export interface MadeVm {
  readonly uuid: string
  readonly disks: readonly { readonly userdevice: string; readonly vdi: string; readonly size: number }[]
}

/** A VM with disks that hold something. */
export async function makeVm(pool: ControlledLabPool, sizes: readonly number[], more: object = {}): Promise<MadeVm> {
  const disks = sizes.map((size, nth) => ({ size, content: 'pattern', fill: Math.floor(size / 4), seed: `${nth}` }))
  const { vm } = await pool.post('/vms', { name: 'source', disks, start: true, ...more })
  return vm as MadeVm
}

/** Hash of a disk's content; equal for equal disks. Of snapshots too, while their data exists. */
export async function hashOf(pool: ControlledLabPool, vdi: string): Promise<string> {
  const { sha256 } = await pool.post('/disk/hash', { vdi, skipZeroes: true })
  return sha256 as string
}

/** Hashes of a VM's disks as they are, by userdevice. */
export async function hashesOf(pool: ControlledLabPool, vm: MadeVm): Promise<Record<string, string>> {
  return Object.fromEntries(await Promise.all(vm.disks.map(async ({ userdevice, vdi }) => [userdevice, await hashOf(pool, vdi)])))
}

/** Everything of a class, by reference. */
export type Records<C extends keyof RecordOf> = Map<Ref<C>, RecordOf[C]>

export interface Look {
  readonly VM: Records<'VM'>
  readonly VBD: Records<'VBD'>
  readonly VDI: Records<'VDI'>
  readonly VIF: Records<'VIF'>
}

export function look(pool: ControlledLabPool): Promise<Look> {
  return withXapi(pool, async (xapi) => {
    const [VM, VBD, VDI, VIF] = await Promise.all([xapi.records('VM'), xapi.records('VBD'), xapi.records('VDI'), xapi.records('VIF')])
    return { VM, VBD, VDI, VIF }
  })
}

export interface SeenPoint {
  readonly uuid: string
  readonly name: string
  readonly run: string
  /** By userdevice: uuid of the disk. */
  readonly disks: Readonly<Record<string, string>>
  /** uuid of the disk that its mark calls its memory. */
  readonly memory: string | undefined
}

/** Snapshots on the target that their own marks call restore points of this chain, with the disks that they have. */
export function restorePoints(seen: Look, chain: Chain): SeenPoint[] {
  const out: SeenPoint[] = []
  for (const vm of seen.VM.values()) {
    const marks = readMarks(vm.other_config)
    const mark = readRestorePointMark(vm.other_config)
    if (!vm.is_a_snapshot || marks.job !== chain.job || mark === undefined) continue
    const disks: Record<string, string> = {}
    for (const ref of vm.VBDs) {
      const vbd = seen.VBD.get(ref)
      const vdi = vbd?.type === 'Disk' ? seen.VDI.get(vbd.VDI) : undefined
      if (vbd !== undefined && vdi !== undefined) disks[vbd.userdevice] = vdi.uuid
    }
    out.push({ uuid: vm.uuid, name: vm.name_label, run: mark.run, disks, memory: mark.memory })
  }
  return out
}

/** Hashes of a restore point's disks, by userdevice. */
export async function hashesOfPoint({ target }: Chain, point: SeenPoint): Promise<Record<string, string>> {
  const found = Object.entries(point.disks).map(async ([device, vdi]) => [device, await hashOf(target, vdi)] as const)
  return Object.fromEntries(await Promise.all(found))
}

/** G1: the run's restore point is there, with exactly these disks. */
export async function assertHolds(chain: Chain, run: string, expected: Record<string, string>): Promise<void> {
  const point = restorePoints(await look(chain.target), chain).find((candidate) => candidate.run === run)
  assert.ok(point, `restore point of run ${run}`)
  assert.deepEqual(await hashesOfPoint(chain, point), expected)
}

/** The same for the disks that the source has now. */
export const assertHoldsNow = async (chain: Chain, run: string, vm: MadeVm): Promise<void> =>
  assertHolds(chain, run, await hashesOf(chain.source, vm))

/** After a run that went well: the restore point is what the source is now, the replica is protected, and nothing else is left. */
export async function assertWhole(chain: Chain, run: string, vm: MadeVm): Promise<void> {
  await assertHoldsNow(chain, run, vm)
  const seen = await look(chain.target)
  assertProtected(seen, chain)
  assertNoLeftovers(await look(chain.source), seen, chain, vm)
}

/** The replica of a chain: the VM, not a snapshot, that carries the chain's own mark. */
export function replicaOf(seen: Look, chain: Chain): RecordOf['VM'] | undefined {
  return [...seen.VM.values()].find((vm) => {
    const mark = JSON.parse(vm.other_config['understudy:replica'] ?? '{}') as { job?: string; self?: string }
    return !vm.is_a_snapshot && mark.job === chain.job && mark.self === vm.uuid
  })
}

/** G4: the replica is there, halted, and neither start nor start_on is open to anybody. */
export function assertProtected(seen: Look, chain: Chain): void {
  const replica = replicaOf(seen, chain)
  assert.ok(replica, 'the replica is there')
  assert.equal(replica.power_state, 'Halted')
  const open = ['start', 'start_on', 'resume', 'resume_on'].filter((operation) => !(operation in replica.blocked_operations))
  assert.deepEqual(open, [], 'nobody may run it')
  assert.equal(replica.other_config.auto_poweron, undefined)
  assert.equal(replica.ha_restart_priority, '')
  assert.equal(replica.is_a_template, false)
}

/**
 * G3: after a successful run nothing is on either side but what the chain consists of: on the source one record of changes a disk
 * (or one snapshot), no blocked migration; on the target the replica, its restore points and their disks.
 */
export function assertNoLeftovers(source: Look, target: Look, chain: Chain, vm: MadeVm): void {
  const live = new Set(vm.disks.map(({ vdi }) => vdi))
  const ours = [...source.VDI.values()].filter(
    ({ managed, uuid, other_config: config }) =>
      managed && !live.has(uuid) && isOfVm(source, uuid, vm) && (config['xo:backup:job'] ?? chain.job) === chain.job,
  )
  const snapshots = [...source.VM.values()].filter(
    (candidate) => candidate.is_a_snapshot && candidate.name_label.startsWith(`understudy ${chain.job}`),
  )
  const images = [...source.VDI.values()].filter(({ type, managed }) => type === 'suspend' && managed)
  const held = [...source.VM.values()].filter(({ power_state: state }) => state === 'Suspended').length
  assert.ok(images.length <= held, `memory left on the source: ${images.map(({ uuid }) => uuid).join(', ')}`)
  assert.ok(snapshots.length <= 1, `source snapshots: ${snapshots.map((snapshot) => snapshot.name_label).join(', ')}`)
  assert.equal(ours.length, vm.disks.length, `disks of source snapshots: ${ours.map(({ uuid, type }) => `${uuid} ${type}`).join(', ')}`)
  const sourceVm = [...source.VM.values()].find(({ uuid }) => uuid === vm.uuid)
  assert.deepEqual(sourceVm?.blocked_operations, {})

  const points = restorePoints(target, chain)
  const replica = replicaOf(target, chain)
  const known = new Set([
    ...points.flatMap(({ disks, memory }) => [...Object.values(disks), ...(memory ? [memory] : [])]),
    ...disksOfVm(target, replica),
  ])
  const marked = [...target.VDI.values()].filter(
    ({ managed, other_config: config, name_label: name }) =>
      managed && (Object.values(config).some((value) => value.includes(chain.job)) || name.startsWith(`understudy ${chain.job}`)),
  )
  const strays = marked.filter(({ uuid }) => !known.has(uuid))
  assert.deepEqual(
    strays.map(({ uuid, name_label: name }) => `${uuid} ${name}`),
    [],
    'disks on the target that belong to nothing',
  )
  const vms = [...target.VM.values()].filter(({ other_config: config }) => config['understudy:replica']?.includes(chain.job))
  assert.equal(vms.length, 1 + points.length, `VMs on the target: ${vms.map(({ name_label: name }) => name).join(', ')}`)
}

function isOfVm(seen: Look, uuid: string, vm: MadeVm): boolean {
  const vdi = [...seen.VDI.values()].find((candidate) => candidate.uuid === uuid)
  const of = vdi === undefined ? undefined : seen.VDI.get(vdi.snapshot_of)
  return of !== undefined && vm.disks.some((disk) => disk.vdi === of.uuid)
}

/** uuids of a VM's disks. */
export function disksOfVm(seen: Look, vm: RecordOf['VM'] | undefined): string[] {
  return (vm?.VBDs ?? []).flatMap((ref) => {
    const vbd = seen.VBD.get(ref)
    const vdi = vbd === undefined ? undefined : seen.VDI.get(vbd.VDI)
    return vdi === undefined ? [] : [vdi.uuid]
  })
}
