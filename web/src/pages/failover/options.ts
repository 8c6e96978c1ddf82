/** What the dialogs ask for, and the request that it makes. */
import type { FailoverRequest, NetworkWish, ReadinessWish, Target } from '../../api/types.ts'

export type Kind = FailoverRequest['kind']
/** What a dialog acts on. */
export interface Subject {
  readonly target: Target
  /** uuid of the source VM */
  readonly vm: string
  readonly name: string
  readonly job?: string
  readonly failedOver?: string
  /** Where the original is. */
  readonly sourcePool?: string
  /** Of one test only. */
  readonly test?: string
}

export type Check = 'none' | 'tools' | 'address' | 'tcp' | 'running'

export interface Options {
  /** null: the newest */
  readonly restorePoint: string | null
  readonly networks: NetworkWish['choice']
  readonly network: string | null
  readonly macs: 'new' | 'keep' | 'safe'
  readonly check: Check
  readonly port: number
  readonly timeoutSeconds: number
  readonly keep: boolean
  readonly memory: boolean
  readonly clone: boolean
  readonly asItRuns: boolean
  readonly evenIfSourceRuns: boolean
  readonly hard: boolean
  readonly protectAgain: boolean
  readonly name: string
}

/** As the server takes it when nothing is said. */
export function defaultsOf(kind: Kind): Options {
  const networks = kind === 'clone' ? 'none' : kind === 'test-failover' ? 'isolated' : 'replica'
  return {
    restorePoint: null,
    networks,
    network: null,
    macs: kind === 'clone' ? 'new' : kind === 'test-failover' ? 'safe' : 'keep',
    check: kind === 'test-failover' ? 'tools' : 'none',
    port: 443,
    timeoutSeconds: 300,
    keep: false,
    memory: false,
    clone: false,
    asItRuns: false,
    evenIfSourceRuns: false,
    hard: false,
    protectAgain: true,
    name: '',
  }
}

/** undefined: something has to be chosen yet. */
export function requestOf(kind: Kind, subject: Subject, options: Options): FailoverRequest | undefined {
  const { target, vm, job, failedOver, test } = subject
  if (kind === 'clean-up') return { kind, pool: target.pool, ...(test === undefined ? { vm } : { test }) }
  if (kind === 'fence') return subject.sourcePool === undefined ? undefined : { kind, pool: subject.sourcePool, vm }
  const of = { target, vm, ...(job === undefined ? {} : { job }) }
  const over = { ...of, ...(failedOver === undefined ? {} : { failedOver }) }
  const ready = readinessOf(options)
  const waits = ready === undefined ? {} : { ready }
  const handing = { ...waits, ...(options.hard ? { shutdown: 'hard' as const } : {}) }
  switch (kind) {
    case 'undo-failover':
    case 'reprotect':
      return { kind, ...over }
    case 'planned-failover':
      return { kind, ...of, ...handing }
    case 'failback':
      return { kind, ...over, ...handing, protectAgain: options.protectAgain }
  }
  if (options.networks === 'one' && options.network === null) return undefined
  const networks: NetworkWish = { choice: options.networks, ...(options.networks === 'one' ? { network: options.network as string } : {}) }
  const point = { ...of, networks, macs: options.macs, ...(options.restorePoint === null ? {} : { restorePoint: options.restorePoint }) }
  const named = options.name.trim() === '' ? {} : { name: options.name.trim() }
  switch (kind) {
    case 'clone':
      return { kind, ...point, ...named, ...(options.memory ? { memory: true } : {}) }
    case 'test-failover':
      return { kind, ...point, ...waits, keep: options.keep }
    case 'failover':
      return {
        kind,
        ...point,
        ...waits,
        ...(options.clone ? { clone: true, ...named } : {}),
        ...(options.asItRuns ? { asItRuns: true } : {}),
        ...(options.evenIfSourceRuns ? { evenIfSourceRuns: true } : {}),
      }
  }
}

function readinessOf({ check, port, timeoutSeconds }: Options): ReadinessWish | undefined {
  if (check === 'none') return undefined
  return { checks: [check === 'tcp' ? `tcp:${port}` : check], timeoutSeconds }
}
