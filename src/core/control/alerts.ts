/** What there is an alert about, and in which words. Pure; opened and closed by whoever watches. */
import type { HealthCheckState } from './activity.ts'
import type { Alert } from './notification.ts'
import type { InventorySr, PoolStatus } from './pool-record.ts'
import type { Protection } from './protection.ts'
import type { VmRun } from './run-record.ts'
import type { UnfencedOriginal } from './unfenced-originals.ts'

/** Of one `key` one alert is open at most. */
export interface AlertSpec extends Omit<Alert, 'id' | 'openedAt' | 'closedAt'> {
  readonly key: string
}

type Chain = Pick<VmRun, 'job' | 'sourcePool' | 'vm' | 'target'>

const chain = ({ job, sourcePool, vm, target }: Chain) => `${job}/${sourcePool}/${vm.uuid}/${target.pool}/${target.sr}`
export const runFailedKey = (of: Chain): string => `run-failed ${chain(of)}`
export const healthCheckFailedKey = (of: Chain): string => `health-check-failed ${chain(of)}`
export const rpoMissedKey = (of: Chain): string => `rpo-missed ${chain(of)}`
export const poolAwayKey = (pool: string): string => `pool-away ${pool}`
export const poolRefusedKey = (pool: string): string => `pool-refused ${pool}`
export const targetSpaceKey = (pool: string, sr: string): string => `target-space ${pool}/${sr}`

export function runFailedAlert(vmRun: Chain & Pick<VmRun, 'error'>, jobName: string): AlertSpec {
  const { job, vm, sourcePool, error } = vmRun
  return {
    key: runFailedKey(vmRun),
    kind: 'run-failed',
    subject: `${vm.name} was not replicated (job ${jobName})`,
    text: `${error?.message ?? 'the run failed'}${error === null ? '' : ` [${error.code}]`}. The last restore point is untouched.`,
    hint: error?.hint ?? '',
    job,
    vm: vm.uuid,
    pool: sourcePool,
  }
}

export function healthCheckFailedAlert(of: Chain, jobName: string, { text, at }: Pick<HealthCheckState, 'text' | 'at'>): AlertSpec {
  return {
    key: healthCheckFailedKey(of),
    kind: 'health-check-failed',
    subject: `the replica of ${of.vm.name} did not pass its health check (job ${jobName})`,
    text: `the test failover of ${at}: ${text}`,
    hint: 'test it by hand and keep the VM, to see why: understudy replica test --keep',
    job: of.job,
    vm: of.vm.uuid,
    pool: of.sourcePool,
  }
}

export function rpoMissedAlert(of: Chain, { reason, jobName, vm }: Protection): AlertSpec {
  return {
    key: rpoMissedKey(of),
    kind: 'rpo-missed',
    subject: `RPO of ${vm.name} is missed (job ${jobName})`,
    text: reason,
    hint: 'look at its last runs',
    job: of.job,
    vm: vm.uuid,
    pool: of.sourcePool,
  }
}

export function poolAlert({ id, name, state, error, since }: PoolStatus): AlertSpec {
  const refused = state === 'refused'
  return {
    key: refused ? poolRefusedKey(id) : poolAwayKey(id),
    kind: refused ? 'pool-refused' : 'pool-away',
    subject: refused ? `pool ${name} refuses the connection` : `pool ${name} is away`,
    text: `${error?.message ?? 'it does not answer'}; since ${since}`,
    hint: error?.hint ?? '',
    job: null,
    vm: null,
    pool: id,
  }
}

const NOT_FENCED = 'original-not-fenced '
export const isNotFencedKey = (key: string): boolean => key.startsWith(NOT_FENCED)

/** Of one that runs another than of one that can be started: it is graver, and is told of again. */
export function originalNotFencedAlert({ pool, poolName, vm, by, runs }: UnfencedOriginal): AlertSpec {
  return {
    key: `${NOT_FENCED}${pool}/${vm.uuid}${runs ? ' runs' : ''}`,
    kind: 'original-not-fenced',
    subject: runs
      ? `${vm.name} runs on pool ${poolName}, and so does what took over from it`
      : `${vm.name} failed over, and its original on pool ${poolName} can be started`,
    text: runs
      ? `"${by.name}" on pool ${by.poolName} took over from it: two VMs with one identity run`
      : `"${by.name}" on pool ${by.poolName} took over from it. Started by accident, the original would be a second one with the same identity.`,
    hint: runs
      ? 'see which of them is worked with, and shut the other down; then understudy replica fence keeps the original down'
      : `keep it from being started: understudy replica fence ${poolName}`,
    job: by.job,
    vm: vm.uuid,
    pool,
  }
}

export function targetSpaceAlert(pool: string, { uuid, name, size, used }: InventorySr): AlertSpec {
  const gib = (bytes: number) => `${(bytes / 1024 ** 3).toFixed(1)} GiB`
  return {
    key: targetSpaceKey(pool, uuid),
    kind: 'target-space',
    subject: `target storage ${name} is nearly full`,
    text: `${gib(Math.max(0, size - used))} of ${gib(size)} are free`,
    hint: 'free space on it, keep fewer restore points, or replicate to another storage repository',
    job: null,
    vm: null,
    pool,
  }
}

/** Nearly full below the first share of its size, and not any more above the second: so that it does not come and go. */
export function spaceOf({ size, used }: Pick<InventorySr, 'size' | 'used'>): 'low' | 'enough' | 'between' {
  if (size <= 0) return 'enough'
  const free = (size - used) / size
  return free < 0.05 ? 'low' : free > 0.08 ? 'enough' : 'between'
}
