/** `understudy replica`: how well VMs are protected, their restore points, and reading those back. */
import type { Protection, ProtectionState } from '../../core/control/protection.ts'
import type { RestorePoint, ServerEvent } from '../../jobs/control-plane.ts'
import { CommandFailure, UsageError } from '../command.ts'
import { formatBytes } from '../sizes.ts'
import type { Noun } from './action.ts'
import type { RemoteApi } from './api.ts'
import type { Context } from './context.ts'
import { failoverActions } from './failover-actions.ts'
import type { Given } from './given.ts'
import { find, findJob, findPool, inventoriesOf, namesOf } from './names.ts'
import { nounCommand } from './noun-command.ts'
import { type Column, facts, table, terminalWidth } from './table.ts'
import { duration, when } from './times.ts'
import { changes, watching } from './watching.ts'

const STATES: readonly ProtectionState[] = ['protected', 'at-risk', 'missed', 'pending', 'paused', 'failed-over', 'unprotected']
const VM = { name: 'VM', completes: 'vm' } as const
const WHICH = {
  job: { value: 'JOB', help: 'its replica of this job, when several jobs have one', completes: 'job' },
  to: { value: 'SR', help: 'its replica on this storage repository, when there are several', completes: 'sr' },
} as const

const noun: Noun = {
  name: 'replica',
  summary: 'replicas: how old they are, reading them back, testing them, failing over and back',
  actions: {
    list: {
      summary: 'every VM with its protection: asked and achieved RPO',
      options: {
        state: { value: 'STATE', multiple: true, help: `only ${STATES.join(', ')}`, completes: STATES },
        job: { value: 'JOB', help: 'only of this job', completes: 'job' },
        pool: { value: 'POOL', help: 'only VMs of this pool', completes: 'pool' },
        watch: { help: 'stay, and show every change' },
      },
      notes: 'With --wide also why it is in that state.',
      run: (context, given) => {
        const wrong = given.list('state').find((each) => !(STATES as readonly string[]).includes(each))
        if (wrong !== undefined) throw new UsageError(`--state is one of ${STATES.join(', ')}, not '${wrong}'`)
        return watching(context, given, ['protection', 'protections', 'job', 'job-removed'], (api) => list(context, api, given))
      },
    },
    summary: { summary: 'how many VMs are in each state; exit code 1 when one is missed or unprotected', run: summary },
    points: { summary: 'restore points of a VM, read from the target pool now', positionals: [VM], options: WHICH, run: points },
    verify: {
      summary: 'read a restore point back, and tell whether it is what was sent',
      positionals: [VM],
      options: {
        ...WHICH,
        point: { value: 'UUID', help: 'the restore point (the newest)' },
        mode: { value: 'MODE', help: 'sample, changed or full (sample)', completes: ['sample', 'changed', 'full'] },
        wait: { help: 'wait for the proof: exit code 0 equal, 3 not' },
      },
      run: verify,
    },
    ...failoverActions(meant, WHICH),
  },
}

export const command = nounCommand(noun)
export { noun }

async function list(context: Context, api: RemoteApi, given: Given) {
  const [job, pool] = [given.text('job'), given.text('pool')]
  const protections = await api.replicas.protection({
    state: given.list('state'),
    job: job === undefined ? undefined : (await findJob(api, job)).id,
    pool: pool === undefined ? undefined : (await findPool(api, pool)).id,
  })
  const names = context.json ? undefined : await namesOf(inventoriesOf(api), await api.pools.list())
  const now = Date.now()
  return {
    value: protections,
    text: () => {
      const columns: readonly Column<Protection>[] = [
        { title: 'VM', value: ({ vm }) => vm.name, shrinks: true },
        { title: 'STATE', value: ({ state }) => state, state: true },
        { title: 'AGE', value: ({ achievedRpoSeconds }) => (achievedRpoSeconds === null ? '' : duration(achievedRpoSeconds)), right: true },
        { title: 'ASKED', value: ({ askedRpoSeconds }) => (askedRpoSeconds === null ? '' : duration(askedRpoSeconds)), right: true },
        { title: 'JOB', value: ({ jobName }) => jobName ?? '', shrinks: true },
        { title: 'TARGET', value: ({ target }) => names?.target(target) ?? '', shrinks: true },
        { title: 'NEWEST POINT', value: ({ newestPoint }) => when(newestPoint?.takenAt, now, context.wide), wide: true },
        { title: 'WHY', value: ({ reason }) => reason, wide: true },
        { title: 'PROBLEM', value: ({ lastError }) => lastError?.message ?? '', shrinks: true },
        { title: 'UUID', value: ({ vm }) => vm.uuid, wide: true },
      ]
      return protections.length === 0 ? 'There is no such VM.' : table(protections, columns, { wide: context.wide, width: terminalWidth() })
    },
  }
}

async function summary(context: Context): Promise<number> {
  const counts = await (await context.api()).replicas.counts()
  context.show(counts, () => facts(STATES.map((each) => [each, String(counts[each] ?? 0)] as const)))
  return (counts.missed ?? 0) + (counts.unprotected ?? 0) > 0 ? 1 : 0
}

/** The one replica that VM, --job and --to mean. */
async function meant(api: RemoteApi, given: Given): Promise<Protection & { readonly target: NonNullable<Protection['target']> }> {
  const text = given.argument('VM')
  const [job, sr] = [given.text('job'), given.text('to')]
  const jobId = job === undefined ? undefined : (await findJob(api, job)).id
  const all = (await api.replicas.protection({ job: jobId })).filter(
    (each): each is Protection & { readonly target: NonNullable<Protection['target']> } => each.target !== null,
  )
  const vms = [...new Map(all.map(({ vm }) => [vm.uuid, { id: vm.uuid, name: vm.name }])).values()]
  const vm = find('protected VM', vms, text)
  const candidates = all.filter((each) => each.vm.uuid === vm.id)
  const names = await namesOf(inventoriesOf(api), await api.pools.list())
  const targetNames = candidates.map((each) => ({
    id: each.target.sr,
    name: names.target(each.target),
    short: names.sr(each.target.pool, each.target.sr),
    each,
  }))
  const fitting = sr === undefined ? targetNames : targetNames.filter(({ id, name, short }) => [id, name, short].includes(sr))
  const [only, ...more] = fitting
  if (only === undefined)
    throw new CommandFailure(`${vm.name} has no replica on '${sr}'`, { hint: `it has: ${targetNames.map(({ name }) => name).join(', ')}` })
  if (more.length > 0) {
    const which = fitting.map(({ name, each }) => `${each.jobName} on ${name}`).join(', ')
    throw new CommandFailure(`${vm.name} has several replicas: ${which}`, { hint: 'name one by --job or --to' })
  }
  return only.each
}

async function points(context: Context, given: Given): Promise<number> {
  const api = await context.api()
  const { target, vm } = await meant(api, given)
  const found = await api.replicas.restorePoints(target.pool, target.sr, vm.uuid)
  const now = Date.now()
  const columns: readonly Column<RestorePoint>[] = [
    { title: 'TAKEN', value: ({ takenAt }) => when(takenAt, now, context.wide) },
    { title: 'NAME', value: ({ name }) => name, shrinks: true },
    { title: 'SIZE', value: ({ bytes }) => formatBytes(bytes), right: true },
    { title: 'COMPLETE', value: ({ complete }) => (complete ? 'yes' : 'no'), state: true },
    {
      title: 'READ BACK',
      value: ({ verified }) =>
        verified === null ? 'never' : `${verified.equal ? 'equal' : 'DIFFERS'}, ${verified.mode}, ${when(verified.at, now, context.wide)}`,
    },
    { title: 'UUID', value: ({ uuid }) => uuid },
  ]
  context.show(found, () =>
    found.length === 0 ? `${vm.name} has no restore point there.` : table(found, columns, { wide: context.wide, width: terminalWidth() }),
  )
  return 0
}

type Verified = Extract<ServerEvent, { kind: 'verified' }>

async function verify(context: Context, given: Given): Promise<number> {
  const mode = given.choice('mode', ['sample', 'changed', 'full']) ?? 'sample'
  const api = await context.api()
  const { target, vm } = await meant(api, given)
  const restorePoint = given.text('point') ?? (await newest(api, target.pool, target.sr, vm.uuid, vm.name))
  const request = { target, restorePoint, mode }
  if (!given.flag('wait')) {
    const { id } = await api.replicas.verify(request)
    context.show({ id, restorePoint }, () => `Restore point ${restorePoint} of ${vm.name} is being read back (${id}).`)
    return 0
  }
  const ended = await untilVerified(context, api, request)
  context.show(ended, () =>
    ended.error !== null
      ? `FAILED: ${ended.error}`
      : ended.equal
        ? `Equal: restore point ${restorePoint} of ${vm.name}.`
        : `DIFFERS: restore point ${restorePoint} of ${vm.name}.`,
  )
  return ended.error === null && ended.equal ? 0 : 3
}

async function newest(api: RemoteApi, pool: string, sr: string, vm: string, name: string): Promise<string> {
  const found = (await api.replicas.restorePoints(pool, sr, vm)).filter(({ complete }) => complete)
  const [first] = found.toSorted((a, b) => b.takenAt.localeCompare(a.takenAt))
  if (first === undefined) throw new CommandFailure(`${name} has no restore point there`)
  return first.uuid
}

/** Listens before it starts, so that the end can't be missed. */
async function untilVerified(context: Context, api: RemoteApi, request: Parameters<RemoteApi['replicas']['verify']>[0]): Promise<Verified> {
  const seen = new Map<string, Verified>()
  let id: string | undefined
  const looks = changes(
    api,
    ({ kind }) => kind === 'verified',
    context.signal,
    (event) => {
      if (event.kind === 'verified') seen.set(event.id, event)
    },
  )
  for await (const _ of looks) {
    id ??= (await api.replicas.verify(request)).id
    const ended = seen.get(id)
    if (ended !== undefined) return ended
  }
  throw new CommandFailure('the server ended its events')
}
