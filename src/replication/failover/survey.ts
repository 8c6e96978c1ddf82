/**
 * What failovers have made of one pool, by marks and names alone: what has failed over or handed over, what tests are there, and what
 * nobody goes on with. State is in the pools: whoever comes after a crash finds here everything that an operation can leave.
 */
import {
  HANDED_OVER,
  type HandoverMark,
  readBaseName,
  readCopyMark,
  readFailoverMark,
  readHandoverMark,
  readOriginName,
  readUnfinishedCopy,
} from '../../core/failover/marks.ts'
import { MARK, type ReplicaMark, readReplicaMark } from '../../core/marks.ts'
import type { RecordOf } from '../../xapi/records.generated.ts'
import type { Ref } from '../../xapi/ref.ts'
import { runningChains } from '../chain-lock.ts'
import { removeSnapshot } from './base-snapshot.ts'
import { findTests, type TestVm } from './cleanup.ts'
import { removeCopy } from './copy-vm.ts'
import { networksOf } from './isolated-network.ts'
import type { FailoverOptions } from './options.ts'
import { type FailedOver, findFailedOver } from './undo.ts'

/** A source VM that is, or was, taken down to hand over, or whose start was blocked since its replica took over. */
export interface HandedOver {
  readonly uuid: string
  readonly name: string
  readonly powerState: string
  /** Absent: only its start is blocked. */
  readonly mark: HandoverMark | undefined
  readonly startBlocked: boolean
}

/** A replica that runs although nobody failed over to it. */
export interface StartedReplica {
  readonly uuid: string
  readonly name: string
  readonly powerState: string
  readonly mark: ReplicaMark
}

export interface LeftOver {
  readonly kind: 'vm' | 'snapshot' | 'network'
  readonly ref: string
  readonly uuid: string
  readonly name: string
  /** Its chain is in somebody's hands, as far as can be told. */
  readonly held: boolean
  /** What it is, and who removes it. */
  readonly text: string
}

export interface FailoverSurvey {
  readonly failedOver: readonly FailedOver[]
  readonly handedOver: readonly HandedOver[]
  readonly startedByHand: readonly StartedReplica[]
  readonly tests: readonly TestVm[]
  readonly leftOvers: readonly LeftOver[]
}

type Options = Pick<FailoverOptions, 'target' | 'signal'>

export async function surveyFailovers(options: Options): Promise<FailoverSurvey> {
  const { target, signal } = options
  const [failedOver, tests, vms, networks, running] = await Promise.all([
    findFailedOver(options),
    findTests(options),
    target.records('VM', { signal }),
    networksOf(target, signal, () => true),
    runningChains(target, signal),
  ])
  const handedOver = [...vms.values()].flatMap((record): HandedOver[] => {
    if (record.is_a_snapshot) return []
    const mark = readHandoverMark(record.other_config, record.uuid)
    const startBlocked = 'start' in record.blocked_operations
    const ours = Object.values(record.blocked_operations).some((why) => why.startsWith(HANDED_OVER))
    if (mark === undefined && !ours) return []
    return [{ uuid: record.uuid, name: record.name_label, powerState: record.power_state, mark, startBlocked }]
  })
  const startedByHand = [...vms.values()].flatMap(
    ({ uuid, name_label: name, power_state: powerState, other_config: config, ...record }) => {
      const mark = readReplicaMark(config, uuid)
      const own = record.is_a_snapshot || powerState === 'Halted' || readFailoverMark(config, uuid) !== undefined
      return mark === undefined || own ? [] : [{ uuid, name, powerState, mark }]
    },
  )
  const alive = new Set(tests.map(({ mark }) => mark.id))
  return {
    failedOver,
    handedOver,
    startedByHand,
    tests,
    leftOvers: [
      ...[...vms].flatMap(([ref, record]) => leftVm(ref, record, vms, running)),
      ...networks
        .filter(({ mark, record }) => !alive.has(mark.id) && record.VIFs.length === 0)
        .map(({ ref, record }) => ({
          kind: 'network' as const,
          held: false,
          ref,
          uuid: record.uuid,
          name: record.name_label,
          text: 'an isolated network without a VM: understudy failover cleanup removes it',
        })),
    ],
  }
}

function leftVm(
  ref: Ref<'VM'>,
  record: RecordOf['VM'],
  vms: ReadonlyMap<Ref<'VM'>, RecordOf['VM']>,
  running: ReadonlySet<string>,
): LeftOver[] {
  const { uuid, name_label: name, other_config: config } = record
  if (!record.is_a_snapshot) {
    const half = readUnfinishedCopy(name)
    const known = readFailoverMark(config, uuid) !== undefined || half?.kind === 'test'
    if (half === undefined || known || record.power_state !== 'Halted') return []
    // The name alone could be a user's: the clone has the restore point's keys, or ours already.
    if (!(MARK.restorePoint in config) && readCopyMark(config, uuid)?.kind !== 'work') return []
    return [{ kind: 'vm', ref, uuid, name, held: false, text: 'a clone that was not finished: understudy failover cleanup removes it' }]
  }
  // Tagged it is an ordinary snapshot of a source, which runs find and remove.
  if (MARK.job in config && MARK.exported in config) return []
  const job = readOriginName(name) ?? readBaseName(name)
  if (job === undefined) return []
  const of = vms.get(record.snapshot_of)
  const mark = of && readFailoverMark(of.other_config, of.uuid)
  if (mark !== undefined && (mark.base === uuid || mark.state === 'preparing')) return []
  const held = [...running].some((chain) => chain.startsWith(`${job}:`))
  const text = held
    ? 'of a failover that is going on, or ended early: the same command again goes on, or removes it'
    : 'of a failover that ended early: understudy failover cleanup removes it'
  return [{ kind: 'snapshot', ref, uuid, name, held, text }]
}

/**
 * Removes what `surveyFailovers` calls left over, tests and their networks apart (cleanup.ts).
 * @param isUnderWay of an operation by its id, as far as the caller knows: what it has made so far stays
 * @returns names
 */
export async function removeLeftOvers(options: Options, isUnderWay: (id: string) => boolean = () => false): Promise<string[]> {
  const { target, signal } = options
  const { leftOvers } = await surveyFailovers(options)
  const removed: string[] = []
  for (const leftOver of leftOvers) {
    const { kind, ref, name } = leftOver
    if (!isRemovable(leftOver, isUnderWay)) continue
    if (kind === 'vm') await removeCopy(target, ref as Ref<'VM'>, signal)
    else await removeSnapshot(target, ref as Ref<'VM'>, signal)
    removed.push(name)
  }
  return removed
}

/** Whether `removeLeftOvers` removes it: whoever makes it has its own id in the name. */
export function isRemovable({ kind, held, name }: LeftOver, isUnderWay: (id: string) => boolean): boolean {
  if (kind === 'network' || held) return false
  return ![...name.matchAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g)].some(([id]) => isUnderWay(id))
}
