/**
 * What Xen Orchestra's next run would look for on both pools, condition by condition, restated from what its sources do
 * (@xen-orchestra/backups: IncrementalXapi, IncrementalXapiWriter, _listReplicatedVms).
 */
import { decodeChangedBlocks } from '../../src/replication/block-source.ts'
import type { RecordOf } from '../../src/xapi/records.generated.ts'
import type { Ref } from '../../src/xapi/ref.ts'
import { type Chain, type Look, look, withXapi } from './replicating.ts'

type Vdi = RecordOf['VDI']

export interface Selection {
  /** Conditions that are not met; none: it would send a delta. */
  readonly problems: readonly string[]
  /** uuid of the VM that it would write to; undefined: it would make another one. */
  readonly vm: string | undefined
  /** uuids of what its retention would count, oldest first. */
  readonly entries: readonly string[]
}

const JOB = 'xo:backup:job'
const VM = 'xo:backup:vm'
const SCHEDULE = 'xo:backup:schedule'
const DATETIME = 'xo:backup:datetime'
const CONTENT_KEY = 'xo:backup:contentKey'
const COPY_OF = 'xo:copy_of'
const INCOMPLETE = '19700101T000000Z'

/** @param schedule id of the schedule whose run it would be */
export async function originalSelection(chain: Chain, schedule: string): Promise<Selection> {
  const [source, target] = [await look(chain.source), await look(chain.target)]
  const problems: string[] = []
  const check = (holds: boolean, what: string) => {
    if (!holds) problems.push(what)
    return holds
  }
  const vm = [...source.VM.values()].find(({ uuid }) => uuid === chain.vm) as RecordOf['VM']
  check(!(vm.other_config[JOB] === chain.job && 'start' in vm.blocked_operations), 'the source VM is not a copy made by this job')

  const live = disksOf(source, vm)
  const exported = [...source.VDI.values()].filter((vdi) => {
    const of = source.VDI.get(vdi.snapshot_of)
    return (
      vdi.is_a_snapshot &&
      of !== undefined &&
      live.includes(of) &&
      vdi.other_config[JOB] === chain.job &&
      vdi.other_config[VM] === chain.vm &&
      !(COPY_OF in vdi.other_config) &&
      isValid(source, vdi) &&
      'xo:backup:exported' in vdi.other_config
    )
  })
  const latest = exported
    .map(({ other_config: config }) => config[DATETIME] as string)
    .sort()
    .at(-1)
  const bases = exported.filter(({ other_config: config }) => config[DATETIME] === latest)
  check(latest !== undefined, 'a snapshot of the source was exported')
  const vms = new Set<string | undefined>()
  for (const disk of live) {
    const base = bases.find(({ snapshot_of: of }) => source.VDI.get(of) === disk)
    if (!check(base !== undefined, `disk ${disk.uuid} has a base of the latest time`) || base === undefined) continue
    check(base.other_config[CONTENT_KEY] === base.uuid, `the base of ${disk.uuid} has its content key`)
    vms.add(await findTarget(chain, target, disk, base, check))
  }
  check(vms.size === 1, 'all disks lead to the same VM')

  const entries = [...target.VM.values()].filter((one) => {
    const config = one.other_config
    const of = target.VM.get(one.snapshot_of)
    const replicates = one.is_a_snapshot ? of?.uuid !== chain.vm : 'start' in one.blocked_operations
    return (
      !one.is_a_template && config[SCHEDULE] === schedule && config['xo:backup:sr'] === chain.sr && config[VM] === chain.vm && replicates
    )
  })
  const held = new Set<string>(entries.filter(({ is_a_snapshot: snapshot }) => snapshot).map(({ snapshot_of: of }) => of))
  const counted = entries.filter((one) => one.is_a_snapshot || !held.has(refOf(target.VM, one)))
  check(
    counted.every(({ other_config: config }) => config[DATETIME] !== INCOMPLETE),
    'nothing that it counts is incomplete',
  )
  return {
    problems,
    vm: vms.size === 1 ? [...vms][0] : undefined,
    entries: counted
      .sort((a, b) => ((a.other_config[DATETIME] as string) < (b.other_config[DATETIME] as string) ? -1 : 1))
      .map(({ uuid }) => uuid),
  }
}

/** Of a source snapshot's disk: a record of changes, or attached to exactly one VM, a snapshot with the same keys. */
function isValid(source: Look, vdi: Vdi): boolean {
  if (vdi.type === 'cbt_metadata') return true
  const [holder, ...more] = holders(source, vdi)
  if (holder === undefined || more.length > 0 || !holder.is_a_snapshot) return false
  return [JOB, DATETIME, VM].every((key) => holder.other_config[key] === vdi.other_config[key])
}

/** The VM on the target that a base leads to. */
async function findTarget(
  chain: Chain,
  target: Look,
  disk: Vdi,
  base: Vdi,
  check: (holds: boolean, what: string) => boolean,
): Promise<string | undefined> {
  const sr = await withXapi(chain.target, (xapi) => xapi.byUuid('SR', chain.sr))
  const snapshots = [...target.VDI.values()].filter((vdi) => vdi.SR === sr && vdi.managed && vdi.is_a_snapshot)
  const byKey = snapshots.filter((vdi) => vdi.other_config[CONTENT_KEY] === base.other_config[CONTENT_KEY])
  // It follows this reference without asking whether it leads anywhere.
  check(
    byKey.every((vdi) => target.VDI.has(vdi.snapshot_of)),
    `what has the content key of ${base.uuid} is a snapshot of something`,
  )
  const found =
    byKey.find((vdi) => target.VDI.get(vdi.snapshot_of)?.uuid !== disk.uuid) ??
    snapshots.find(({ other_config: config }) => config[JOB] === chain.job && config[VM] === chain.vm && config[COPY_OF] === base.uuid)
  if (!check(found !== undefined, `a snapshot on the target holds ${base.uuid}`) || found === undefined) return undefined
  check(
    found.other_config[JOB] === chain.job && found.other_config[VM] === chain.vm && found.other_config[COPY_OF] === base.uuid,
    `${found.uuid} is found without its content key too`,
  )
  check(found.other_config['xo:backup:includeNonNbdQcow2Fix'] === 'true', `${found.uuid} need not be probed for an old fault`)
  const links = snapshots.filter((vdi) => vdi.snapshot_of === found.snapshot_of && vdi.other_config[JOB] === chain.job)
  for (const link of links) check(DATETIME in link.other_config, `link ${link.uuid} has a time`)

  const active = target.VDI.get(found.snapshot_of)
  if (!check(active !== undefined, `${found.uuid} is a snapshot of a disk that is there`) || active === undefined) return undefined
  const attached = holders(target, active)
  const [vm] = attached
  if (!check(attached.length === 1 && vm !== undefined, `${active.uuid} is attached to exactly one VM`) || vm === undefined)
    return undefined
  check(vm.power_state === 'Halted' || vm.power_state === 'Suspended', `"${vm.name_label}" is halted`)
  check(active.cbt_enabled && found.cbt_enabled, `changes of ${active.uuid} since its restore point can be listed`)
  const changed = await withXapi(chain.target, (xapi) =>
    xapi.call<string>('VDI.list_changed_blocks', [refOf(target.VDI, found), refOf(target.VDI, active)]),
  )
  check(
    decodeChangedBlocks(changed, active.virtual_size).every((byte) => byte === 0),
    `${active.uuid} is as its restore point`,
  )
  return vm.uuid
}

function refOf<C extends 'VM' | 'VDI'>(records: Map<Ref<C>, RecordOf[C]>, record: RecordOf[C]): Ref<C> {
  for (const [ref, one] of records) if (one === record) return ref
  throw new Error(`${record.uuid} is not among the records`)
}

function disksOf(seen: Look, vm: RecordOf['VM']): Vdi[] {
  return vm.VBDs.flatMap((ref) => {
    const vbd = seen.VBD.get(ref)
    const vdi = vbd?.type === 'Disk' ? seen.VDI.get(vbd.VDI) : undefined
    return vdi === undefined ? [] : [vdi]
  })
}

/** VMs that a disk is attached to, control domains left out. */
function holders(seen: Look, vdi: Vdi): RecordOf['VM'][] {
  return vdi.VBDs.flatMap((ref) => {
    const vm = seen.VM.get(seen.VBD.get(ref)?.VM as Ref<'VM'>)
    return vm === undefined || vm.is_control_domain ? [] : [vm]
  })
}
