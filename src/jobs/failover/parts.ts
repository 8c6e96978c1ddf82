/** What every operation on replicas works with, and what it prepares before it acts. */
import { createHash } from 'node:crypto'
import type { ByteBudget } from '../../block/block.ts'
import type { Reason } from '../../core/base.ts'
import type { ActivityResult, ActivitySubject } from '../../core/control/activity.ts'
import type { FailoverPreview, FailoverRequest, NetworkWish, PreviewInterface, ReadinessWish } from '../../core/control/failover-request.ts'
import type { CopyVifPlan, NetworkChoice } from '../../core/failover/copy-networks.ts'
import { parseCheck, type ReadinessCheck } from '../../core/failover/readiness.ts'
import { Failure } from '../../core/failure.ts'
import { systemClock } from '../../replication/failover/clock.ts'
import type { FailoverOptions } from '../../replication/failover/options.ts'
import type { Readiness } from '../../replication/failover/readiness.ts'
import { findByUuid, type PoolView } from '../../replication/pool-view.ts'
import type { WantedPoint } from '../../replication/proof/find-point.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import type { ActivityContext } from '../activities/active-activity.ts'
import type { JobBook } from '../job-book.ts'
import type { PoolAccess } from '../pool-access.ts'
import type { ProtectionWatch } from '../protection/protection-watch.ts'

export interface FailoverParts {
  readonly pools: PoolAccess
  readonly book: JobBook
  readonly watch: ProtectionWatch
  readonly budget: ByteBudget
  /** Ids of activities that are under way: tests of theirs are not cleaned up. */
  readonly isUnderWay: (activity: string) => boolean
  /** Whether a run has the VM (`POOL/UUID`). */
  readonly isVmBusy: (vm: string) => boolean
  /** For tests: see FailoverOptions. */
  readonly lockTiming?: FailoverOptions['lockTiming']
}

export interface Prepared {
  readonly preview: FailoverPreview
  readonly subject: ActivitySubject
  readonly claims: readonly string[]
  /** VMs (`POOL/UUID`) whose runs are kept off while it works. */
  readonly reserves: readonly string[]
  /** Does not wait for a run that is under way: that is told. */
  readonly impatient: boolean
  work(context: ActivityContext): Promise<{ readonly result: ActivityResult; readonly report: object | null }>
}

export type Prepare<Kind extends FailoverRequest['kind']> = (
  parts: FailoverParts,
  request: Extract<FailoverRequest, { readonly kind: Kind }>,
  signal: AbortSignal,
) => Promise<Prepared>

/** Names what only one failover works on at a time: everything about a source VM. */
export const vmClaim = (vm: string): string => `vm ${vm}`
export const testClaim = (vm: string, { pool, sr }: { readonly pool: string; readonly sr: string }): string => `test ${vm}/${pool}/${sr}`

/** While nothing is done yet: `id` of nobody. */
export function lookingOptions(target: Xapi, signal: AbortSignal): FailoverOptions {
  return { target, signal, id: '00000000-0000-4000-8000-000000000000', clock: systemClock }
}

export function actingOptions({ lockTiming }: FailoverParts, target: Xapi, context: ActivityContext): FailoverOptions {
  return {
    target,
    signal: context.signal,
    id: context.id,
    clock: systemClock,
    onEvent: (event) => (event.kind === 'step' ? context.step(event.step, event.text) : context.log('info', event.message)),
    ...(lockTiming === undefined ? {} : { lockTiming }),
  }
}

export function wantedPoint(request: {
  readonly vm: string
  readonly job?: string
  readonly target: { readonly sr: string }
  readonly restorePoint?: string
}): WantedPoint {
  const { vm, job, target, restorePoint } = request
  return restorePoint === undefined ? { kind: 'newest', job, vm, sr: target.sr } : { kind: 'uuid', uuid: restorePoint, sr: target.sr }
}

export function networksOf(wish: NetworkWish | undefined, fallback: 'none' | 'isolated' | 'replica') {
  const mapping = new Map(Object.entries(wish?.mapping ?? {}))
  const choice = wish?.choice ?? fallback
  if (choice !== 'one') return { networks: { kind: choice } satisfies NetworkChoice, mapping } as const
  if (wish?.network === undefined)
    throw new Failure('NETWORK_NOT_FOUND', 'all interfaces are to go on one network, and none is named', 'name it by its uuid')
  return { networks: { kind: 'one', network: wish.network } satisfies NetworkChoice, mapping } as const
}

/** Failure INPUT_INVALID. */
export function readinessOf({ checks, timeoutSeconds }: ReadinessWish): Readiness {
  return { checks: checks.map(readCheck), timeoutMs: timeoutSeconds * 1000 }
}

export function readCheck(text: string): ReadinessCheck {
  const check = parseCheck(text)
  if (check === undefined)
    throw new Failure(
      'INPUT_INVALID',
      `${JSON.stringify(text.slice(0, 100))} is no check: tools, address, tcp:PORT, tcp:HOST:PORT, script:/PATH, running`,
    )
  return check
}

export function interfacesOf(view: PoolView, vifs: readonly CopyVifPlan[]): PreviewInterface[] {
  return vifs.map(({ device, from, to, mac, reason }) => {
    const before = findByUuid(view.network, from)?.[1]
    return {
      device,
      from: before === undefined ? null : { uuid: before.uuid, name: before.name_label },
      to:
        to.kind === 'none'
          ? null
          : to.kind === 'network'
            ? { uuid: to.uuid, name: to.name }
            : { uuid: null, name: `an isolated network in the place of "${before?.name_label ?? from}"` },
      mac,
      reason,
    }
  })
}

type PreviewFields = Pick<FailoverPreview, 'kind' | 'title' | 'confirm'> & Partial<FailoverPreview>

/** `agreed` names what would be done, and what would be lost by it: not how old it is, which changes by itself. */
export function previewOf(fields: PreviewFields): FailoverPreview {
  const codes = (reasons: readonly Reason[] = []) => reasons.map(({ code }) => code).join()
  const named = [fields.kind, fields.point?.uuid ?? '', codes(fields.happens), codes(fields.lost)].join('\n')
  return {
    point: null,
    lossSeconds: null,
    continues: false,
    happens: [],
    lost: [],
    costs: [],
    warnings: [],
    interfaces: [],
    ...fields,
    agreed: createHash('sha256').update(named).digest('hex').slice(0, 32),
  }
}

/** Plain data of a report of the engine: what is stored has no Map and nothing undefined. */
export const plainReport = (report: object): object =>
  JSON.parse(JSON.stringify(report, (_, value: unknown) => (value instanceof Map ? Object.fromEntries(value) : value)))
