/** Reads the source VM, its disks and what earlier runs left on it into plain facts. */

import { HANDED_OVER } from '../core/failover/marks.ts'
import { Failure } from '../core/failure.ts'
import {
  claimsOf,
  MARK,
  MIGRATION_BLOCKED_PREFIX,
  parseDatetime,
  readMarks,
  readReplicaMark,
  readRunMark,
  readSnapshottingMarks,
} from '../core/marks.ts'
import type { NetworkFacts, SourceDisk, SourceFacts, SourceSnapshotDisk, SourceSnapshotVm, SourceVif } from '../core/observation.ts'
import type { RecordOf } from '../xapi/records.generated.ts'
import type { Ref } from '../xapi/ref.ts'
import { allocatedOf } from './allocated.ts'
import { chainDepthOf, disksOf, findByUuid, holdersOf, type PoolView } from './pool-view.ts'

/** Operations under which a snapshot must not be taken: the disks are on their way elsewhere. */
const MOVING = ['migrate_send', 'pool_migrate', 'metadata_export', 'export', 'copy', 'clone'] as const

/** What of the VM's operations under way a snapshot must not meet; undefined: nothing. */
export const movingBy = (vm: RecordOf['VM']): string | undefined =>
  Object.values(vm.current_operations).find((operation) => (MOVING as readonly string[]).includes(operation))

export interface Inspected {
  readonly ref: Ref<'VM'>
  readonly record: RecordOf['VM']
  readonly facts: SourceFacts
}

interface Chain {
  readonly job: string
  /** uuid of the source VM */
  readonly vm: string
  /** uuid of the target SR */
  readonly sr: string
}

/** Name of a snapshot from its creation until it is tagged: says whose it is, so that a left-over is recognised as ours. */
export const unfinishedName = ({ job, run }: { readonly job: string; readonly run: string }, srs: readonly string[]): string =>
  `understudy ${job} ${srs.join('+')} ${run}${UNFINISHED}`

const UNFINISHED = ' (being made)'

/** Target SRs that the name of a snapshot lists which is not tagged yet; undefined: it is none of the job's. */
export function claimsInName({ is_a_snapshot: snapshot, name_label: name }: RecordOf['VM'], job: string): string[] | undefined {
  const prefix = `understudy ${job} `
  if (!snapshot || !name.startsWith(prefix) || !name.endsWith(UNFINISHED)) return undefined
  return name.slice(prefix.length).split(' ')[0]?.split('+')
}

const isUnfinished = (vm: RecordOf['VM'], { job, sr }: Chain): boolean => claimsInName(vm, job)?.includes(sr) ?? false

/** Other chains that have a claim on a snapshot or its disk, by the name of the one or by the mark. */
function alsoFor(chain: Chain, vm: RecordOf['VM'] | undefined, config: Readonly<Record<string, string>>): { alsoFor?: readonly string[] } {
  const mark = readRunMark(config)
  const claims = mark === undefined ? ((vm && claimsInName(vm, chain.job)) ?? []) : claimsOf(mark)
  const others = claims.filter((sr) => sr !== chain.sr)
  return others.length === 0 ? {} : { alsoFor: others }
}

/** Of what earlier runs left only what is this chain's is looked at. Throws Failure when there is no such VM. */
export function inspectSource(view: PoolView, chain: Chain): Inspected {
  const { job, vm: vmUuid, sr } = chain
  const found = findByUuid(view.VM, vmUuid)
  if (found === undefined) throw new Failure('VM_NOT_FOUND', `the source pool has no VM ${vmUuid}`)
  const [ref, record] = found
  if (record.is_a_template || record.is_a_snapshot || record.is_control_domain) {
    const what = record.is_control_domain ? 'a control domain' : record.is_a_snapshot ? 'a snapshot' : 'a template'
    throw new Failure('VM_NOT_REPLICABLE', `${vmUuid} ("${record.name_label}") is ${what}`)
  }
  const ours = (config: Readonly<Record<string, string>>) => {
    const marks = readMarks(config)
    // One that says nothing of its target is another tool's, whose chain is being continued.
    const mark = readRunMark(config)
    return marks.job === job && marks.vm === vmUuid && marks.copyOf === undefined && (mark === undefined || claimsOf(mark).includes(sr))
  }

  const live = disksOf(view, record)
  const snapshotsByDisk = new Map<string, SourceSnapshotDisk[]>()
  const foreignCbt = new Map<string, { uuid: string; takenAt: number }[]>()
  for (const vdi of view.VDI.values()) {
    if (!vdi.is_a_snapshot) continue
    const takenAt = parseDatetime(vdi.snapshot_time) ?? 0
    // The content key tells a snapshot that was tagged from one that inherited the map of a tagged one. A snapshot VM that still
    // has the name it was made with is ours as well: its run ended before the tags, perhaps after the restore point.
    const original = isOriginals(view, vdi, ref, ours)
    const tagged = original || (ours(vdi.other_config) && vdi.other_config[MARK.contentKey] === vdi.uuid)
    if (
      !tagged &&
      !isOfNoSnapshot(view, vdi, takenAt, chain) &&
      !holdersOf(view, vdi).some(({ vmRecord }) => vmRecord.snapshot_of === ref && isUnfinished(vmRecord, chain))
    ) {
      if (vdi.cbt_enabled) foreignCbt.set(vdi.snapshot_of, [...(foreignCbt.get(vdi.snapshot_of) ?? []), { uuid: vdi.uuid, takenAt }])
      continue
    }
    snapshotsByDisk.set(vdi.snapshot_of, [
      ...(snapshotsByDisk.get(vdi.snapshot_of) ?? []),
      snapshotDisk(view, vdi, takenAt, original, chain),
    ])
  }

  const disks = live.map(({ ref: vdi, record: disk, vbdRecord }): SourceDisk => {
    return {
      userdevice: vbdRecord.userdevice,
      uuid: disk.uuid,
      name: disk.name_label,
      size: disk.virtual_size,
      cbt: disk.cbt_enabled,
      allocated: allocatedOf(view, disk),
      sharable: disk.sharable,
      resets: disk.on_boot === 'reset',
      chainDepth: chainDepthOf(view, disk),
      bootable: vbdRecord.bootable,
      mode: vbdRecord.mode,
      snapshots: (snapshotsByDisk.get(vdi) ?? []).sort((a, b) => b.takenAt - a.takenAt),
      foreignCbtSnapshots: foreignCbt.get(vdi) ?? [],
    }
  })

  // A snapshot that a user takes of a VM reverted to one of ours inherits its marks; those of the disks tell (or the time, without disks).
  const tagged = new Set([...snapshotsByDisk.values()].flat().map(({ uuid }) => uuid))
  const ownsItsMarks = (snapshot: RecordOf['VM']) => {
    const held = disksOf(view, snapshot)
    if (held.length > 0) return held.some(({ record: { uuid } }) => tagged.has(uuid))
    return parseDatetime(snapshot.other_config[MARK.datetime]) === parseDatetime(snapshot.snapshot_time)
  }
  const snapshots: SourceSnapshotVm[] = []
  for (const snapshotRef of record.snapshots) {
    const snapshot = view.VM.get(snapshotRef)
    if (snapshot === undefined) continue
    const unfinished = isUnfinished(snapshot, chain)
    if (!unfinished && !(ours(snapshot.other_config) && ownsItsMarks(snapshot))) continue
    snapshots.push({
      uuid: snapshot.uuid,
      name: snapshot.name_label,
      marks: readMarks(snapshot.other_config),
      unfinished,
      ...(unfinished || MARK.run in snapshot.other_config ? {} : { byOriginal: true }),
      ...alsoFor(chain, snapshot, unfinished ? {} : snapshot.other_config),
      disks: disksOf(view, snapshot).map(({ record: disk }) => disk.uuid),
    })
  }

  const liveRefs = new Set<string>(live.map((disk) => disk.ref))
  const strayDisks = [...snapshotsByDisk].flatMap(([of, list]) =>
    // Data of a disk that is no longer this VM's is left to its owner; a record of changes is of no use to anybody else.
    list.filter(({ snapshotVm, kind }) => snapshotVm === undefined && (liveRefs.has(of) || kind === 'cbt-metadata')),
  )
  return {
    ref,
    record,
    facts: {
      uuid: record.uuid,
      name: record.name_label,
      powerState: record.power_state as SourceFacts['powerState'],
      // One that once was a replica and is handing over now is blocked for that.
      isReplica:
        readReplicaMark(record.other_config, record.uuid) !== undefined &&
        'start' in record.blocked_operations &&
        !record.blocked_operations.start?.startsWith(HANDED_OVER),
      busyWith: movingBy(record),
      disks,
      snapshots,
      strayDisks,
      migrationBlockedByUs: Object.values(record.blocked_operations).some((text) => text.startsWith(MIGRATION_BLOCKED_PREFIX)),
      networks: networksOf(view),
      vifs: record.VIFs.flatMap((vif): SourceVif[] => {
        const facts = view.VIF.get(vif)
        const network = facts && view.network.get(facts.network)
        return facts && network ? [{ device: facts.device, mac: facts.MAC, mtu: facts.MTU, network: network.uuid }] : []
      }),
      vtpm: record.VTPMs.length > 0,
      usb: record.VUSBs.length > 0,
      passedThrough: passedThrough(record),
    },
  }
}

/**
 * A disk of a snapshot that the original made: versions that write no content key too, and those whose keys (and all that cr-seed writes)
 * are on the snapshot VM alone. A snapshot that a user takes of a VM reverted to one has them as well; nothing that is decided rests on
 * these keys: a base must be named by a copy on the target, by uuid, and what is removed must have been a base.
 */
function isOriginals(
  view: PoolView,
  vdi: RecordOf['VDI'],
  source: Ref<'VM'>,
  ours: (config: Readonly<Record<string, string>>) => boolean,
): boolean {
  const { other_config: config, uuid } = vdi
  if (MARK.run in config || (config[MARK.contentKey] ?? uuid) !== uuid) return false
  if (ours(config)) return true
  if (MARK.job in config || MARK.copyOf in config) return false
  return holdersOf(view, vdi).some(
    ({ vmRecord: vm }) => vm.is_a_snapshot && vm.snapshot_of === source && !(MARK.run in vm.other_config) && ours(vm.other_config),
  )
}

/** Milliseconds that the clocks of mover and storage may differ by, and a snapshot may take. */
const SNAPSHOT_AGE_LIMIT = 600_000

/**
 * Whether a toolstack died over this run's snapshot: it makes the disks first, then the VM that holds them (ocaml/xapi/xapi_vm_clone.ml). The time is compared
 * since a mark that was left on the live disk is inherited by what a user takes later.
 */
function isOfNoSnapshot(view: PoolView, vdi: RecordOf['VDI'], takenAt: number, { job, vm, sr }: Chain): boolean {
  if (holdersOf(view, vdi).length > 0) return false
  return readSnapshottingMarks(vdi.other_config).some((mark) => {
    const at = parseDatetime(mark.at)
    return mark.job === job && mark.vm === vm && mark.srs.includes(sr) && at !== undefined && Math.abs(takenAt - at) <= SNAPSHOT_AGE_LIMIT
  })
}

function snapshotDisk(view: PoolView, vdi: RecordOf['VDI'], takenAt: number, byOriginal: boolean, chain: Chain): SourceSnapshotDisk {
  const holder = holdersOf(view, vdi).find(({ vmRecord }) => vmRecord.is_a_snapshot)
  return {
    uuid: vdi.uuid,
    snapshotVm: holder?.vmRecord.uuid,
    kind: vdi.type === 'cbt_metadata' ? 'cbt-metadata' : 'data',
    takenAt,
    size: vdi.virtual_size,
    cbt: vdi.cbt_enabled,
    marks: readMarks(vdi.other_config),
    ...(byOriginal ? { byOriginal } : {}),
    ...alsoFor(chain, holder?.vmRecord, vdi.other_config),
  }
}

/** What of the host's own the VM was given; a replica starts without it. */
function passedThrough(vm: RecordOf['VM']): string[] {
  return [
    ...(vm.attached_PCIs.length > 0 || (vm.other_config.pci ?? '') !== '' ? ['a PCI device'] : []),
    ...(vm.VGPUs.length > 0 ? ['a virtual GPU'] : []),
  ]
}

export function networksOf(view: PoolView): NetworkFacts[] {
  return [...view.network.values()].map((network) => {
    const pif = network.PIFs.map((ref) => view.PIF.get(ref)).find((found) => found !== undefined)
    return { uuid: network.uuid, name: network.name_label, vlan: pif?.VLAN }
  })
}
