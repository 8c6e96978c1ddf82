/** What tests of failing over through a server share: pools, a job with runs, activities that are waited for. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RemoteApi } from '../../src/cli/remote/api.ts'
import type { ServerRefusal } from '../../src/cli/remote/http-client.ts'
import type { Activity, ActivityDetail, ActivityResult } from '../../src/core/control/activity.ts'
import { ENDED_ACTIVITY_STATES } from '../../src/core/control/activity.ts'
import type { FailoverConfirmation, FailoverRequest } from '../../src/core/control/failover-request.ts'
import type { Job, JobSettings, Target } from '../../src/core/control/job.ts'
import { ENDED_RUN_STATES, type Run, type VmRun } from '../../src/core/control/run-record.ts'
import type { ControlledLabPool, StartedPool } from './lab.ts'
import { type Chain, type MadeVm, withTwoPools } from './replicating.ts'
import { type ListeningServer, serverForPools } from './running-server.ts'

const LONG_MS = 120_000

export interface Recovering {
  readonly source: StartedPool
  readonly target: StartedPool
  readonly server: ListeningServer
  /** As an administrator. */
  readonly api: RemoteApi
  /** Ids of the pools at the server. */
  readonly from: string
  readonly to: string
}

/** Two pools whose guests have tools, and a server that knows both, for the tests of a `describe`. */
export function withRecoveringServer(use: (all: Recovering) => void): void {
  let pools: readonly [StartedPool, StartedPool]
  let server: ListeningServer | undefined
  withTwoPools((source, target) => {
    pools = [source, target]
  })
  before(async () => {
    const [source, target] = pools
    for (const pool of pools) await pool.post('/guest/tools', {})
    server = await serverForPools()
    const { api } = server
    const from = await addPool(api, source)
    const to = await addPool(api, target)
    use({ source, target, server, api, from, to })
  })
  after(() => server?.close())
}

/** For `assert.rejects`: the server refused with this code. */
export const refusedAs = (code: string) => (error: unknown) => {
  assert.equal((error as ServerRefusal).code, code, String((error as Error).message))
  return true
}

export async function waitFor<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const end = performance.now() + LONG_MS
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > end) assert.fail(`${what}: not within ${LONG_MS / 1000} s`)
    await sleep(50)
  }
}

export async function addPool(api: RemoteApi, { name, url, user, password, fingerprint }: StartedPool): Promise<string> {
  return (await api.pools.add({ name, url, user, password, fingerprint })).id
}

/** The server has seen the VM in its pool. */
export const seenVm = (api: RemoteApi, pool: string, vm: string) =>
  waitFor(`VM ${vm} is seen`, async () => (await api.pools.inventory(pool)).vms.find(({ uuid }) => uuid === vm))

export async function makeJob(
  api: RemoteApi,
  from: string,
  vms: readonly string[],
  target: Target,
  settings: JobSettings = {},
  name = 'nightly',
): Promise<Job> {
  for (const vm of vms) await seenVm(api, from, vm)
  return api.jobs.create({
    name,
    enabled: true,
    selection: { include: vms.map((vm) => ({ kind: 'vm', pool: from, vm })), exclude: [] },
    targets: [target],
    settings: { retries: 0, ...settings },
    schedules: [],
  })
}

/** Runs the job once, to its end. */
export async function runOnce(api: RemoteApi, job: string): Promise<Run & { readonly vmRuns: readonly VmRun[] }> {
  const { id } = await api.runs.start({ job }, randomUUID())
  return waitFor('the run ends', async () => {
    const run = await api.runs.get(id)
    return ENDED_RUN_STATES.includes(run.state) ? run : undefined
  })
}

export const ended = (api: RemoteApi, { id }: Pick<Activity, 'id'>): Promise<ActivityDetail> =>
  waitFor('the activity ends', async () => {
    const activity = await api.activities.get(id)
    return ENDED_ACTIVITY_STATES.includes(activity.state) ? activity : undefined
  })

type ResultOf<Kind extends ActivityResult['kind']> = Extract<ActivityResult, { readonly kind: Kind }>

/** Does it to its end, as a user who types what the preview asks for; it has to succeed. */
export async function carryOut<Kind extends FailoverRequest['kind']>(
  api: RemoteApi,
  request: Extract<FailoverRequest, { readonly kind: Kind }>,
): Promise<ActivityDetail & { readonly result: ResultOf<Kind> }> {
  return succeeded<Kind>(await ended(api, await begin(api, request)))
}

export async function begin(api: RemoteApi, request: FailoverRequest): Promise<Activity> {
  const { confirm, agreed } = await api.failover.preview(request)
  const all: FailoverRequest & FailoverConfirmation = { ...request, agreed, ...(confirm === null ? {} : { confirm }) }
  return api.failover.start(all, randomUUID())
}

export function succeeded<Kind extends ActivityResult['kind']>(activity: ActivityDetail) {
  const told = activity.timeline.map(({ text }) => text).join('\n')
  assert.equal(activity.state, 'done', `${activity.error?.message ?? ''}\n${told}`)
  return activity as ActivityDetail & { readonly result: ResultOf<Kind> }
}

export const chainOf = (source: ControlledLabPool, target: ControlledLabPool, vm: MadeVm, job: string): Chain => ({
  source,
  target,
  vm: vm.uuid,
  sr: target.srs[0]?.uuid as string,
  job,
})
