/** What `understudy replica` has done with replicas: clones, tests, failovers, and going back. */
import { randomUUID } from 'node:crypto'
import type { FailoverRequest, FailoverStatus, NetworkWish, ReadinessWish } from '../../core/control/failover-request.ts'
import type { Protection } from '../../core/control/protection.ts'
import { CommandFailure, UsageError } from '../command.ts'
import type { Action, OptionSpec } from './action.ts'
import { previewText } from './activity-text.ts'
import type { RemoteApi } from './api.ts'
import type { Context } from './context.ts'
import { ACT_NOTES, ACT_OPTIONS, begun, typedName } from './follow-activity.ts'
import type { Given } from './given.ts'
import { find, findJob, findPool } from './names.ts'
import { type Column, table, terminalWidth } from './table.ts'

type WithTarget = Protection & { readonly target: NonNullable<Protection['target']> }
/** The replica that VM, --job and --to mean. */
export type Meant = (api: RemoteApi, given: Given) => Promise<WithTarget>

const VM = [{ name: 'VM', completes: 'vm' }] as const
const POINT = {
  point: { value: 'UUID', help: 'the restore point (the newest)' },
  network: { value: 'CHOICE', help: 'isolated, replica, none, or the uuid of one network for all' },
  map: { value: 'OLD=NEW', multiple: true, help: 'one network of the replica by uuid, and the one to use, or none' },
  mac: { value: 'CHOICE', help: 'MACs: new, keep or safe', completes: ['new', 'keep', 'safe'] },
} as const satisfies Readonly<Record<string, OptionSpec>>
const READY = {
  ready: {
    value: 'CHECK',
    multiple: true,
    help: 'when it counts as up: tools, address, tcp:PORT, tcp:HOST:PORT, running, script:/PATH (a program on the server; administrators)',
  },
  'ready-timeout': { value: 'SECONDS', help: 'for all checks together (300)' },
} as const satisfies Readonly<Record<string, OptionSpec>>
const SHUTDOWN = {
  'hard-shutdown': { help: 'cut the power of the VM that is taken down (it is asked to shut down)' },
  'shutdown-timeout': { value: 'SECONDS', help: 'that a clean shutdown may take (600)' },
} as const satisfies Readonly<Record<string, OptionSpec>>
const WHICH = {
  'failed-over': { value: 'UUID', help: 'the VM that runs, when several have failed over from the same source' },
} as const satisfies Readonly<Record<string, OptionSpec>>
const BACK = {
  ...WHICH,
  'back-sr': { value: 'UUID', help: "storage for the way back (that of the original's first disk)" },
  map: { value: 'HERE=THERE', multiple: true, help: "network of the VM that runs, and the original pool's that stands for it" },
} as const satisfies Readonly<Record<string, OptionSpec>>

export function failoverActions(meant: Meant, which: Readonly<Record<string, OptionSpec>>): Readonly<Record<string, Action>> {
  const action = (
    summary: string,
    options: Readonly<Record<string, OptionSpec>>,
    request: (api: RemoteApi, given: Given) => Promise<FailoverRequest>,
  ): Action => ({
    summary,
    positionals: VM,
    options: { ...options, ...ACT_OPTIONS },
    notes: ACT_NOTES,
    run: async (context, given) => act(context, given, await request(await context.api(), given)),
  })
  const ofReplica = async (api: RemoteApi, given: Given) => {
    const { target, vm, job } = await meant(api, given)
    return { target, vm: vm.uuid, ...(job === null ? {} : { job }) }
  }
  const ofFailed = async (api: RemoteApi, given: Given) => {
    const { target, vm, job } = await failedOver(api, given.argument('VM'))
    const failed = given.text('failed-over')
    return { target, vm: vm.uuid, job, ...(failed === undefined ? {} : { failedOver: failed }) }
  }
  return {
    status: { summary: 'what has failed over, tests that are there, and what stopped in the middle', run: status },
    clone: action(
      'make a clone of a restore point to work on',
      {
        ...which,
        ...POINT,
        name: { value: 'NAME', help: 'of the clone' },
        memory: { help: 'it goes on with the memory that the restore point keeps' },
      },
      async (api, given) => {
        const name = given.text('name')
        return {
          kind: 'clone',
          ...(await ofReplica(api, given)),
          ...pointOf(given),
          ...(name === undefined ? {} : { name }),
          ...(given.flag('memory') ? { memory: true } : {}),
        }
      },
    ),
    test: action(
      'test failover: start a clone where it disturbs nobody, see whether it comes up, remove it',
      { ...which, ...POINT, ...READY, keep: { help: 'the VM stays, running; understudy replica clean-up removes it' } },
      async (api, given) => ({
        kind: 'test-failover',
        ...(await ofReplica(api, given)),
        ...pointOf(given),
        ...readyOf(given),
        ...(given.flag('keep') ? { keep: true } : {}),
      }),
    ),
    failover: action(
      'let the replica take over now; its source need not answer',
      {
        ...which,
        ...POINT,
        ...READY,
        clone: { help: 'a clone of the restore point rather than the replica: runs go on' },
        'as-it-runs': { help: 'somebody started the replica by other means, and it is to stay' },
        'even-if-source-runs': { help: 'although the source runs, or another VM that took over from it' },
      },
      async (api, given) => ({
        kind: 'failover',
        ...(await ofReplica(api, given)),
        ...pointOf(given),
        ...readyOf(given),
        ...(given.flag('clone') ? { clone: true } : {}),
        ...(given.flag('as-it-runs') ? { asItRuns: true } : {}),
        ...(given.flag('even-if-source-runs') ? { evenIfSourceRuns: true } : {}),
      }),
    ),
    planned: action(
      'planned failover: shut the source down and let its replica take over, without losing a byte',
      { ...which, ...READY, ...SHUTDOWN },
      async (api, given) => ({ kind: 'planned-failover', ...(await ofReplica(api, given)), ...readyOf(given), ...shutdownOf(given) }),
    ),
    undo: action('give up what a VM that failed over wrote: it is a replica again', WHICH, async (api, given) => ({
      kind: 'undo-failover',
      ...(await ofFailed(api, given)),
    })),
    reprotect: action('protect a VM that failed over, in the direction back', BACK, async (api, given) => ({
      kind: 'reprotect',
      ...(await ofFailed(api, given)),
      ...backOf(given),
    })),
    failback: action(
      'go back: a VM that failed over returns to where its original was',
      { ...BACK, ...READY, ...SHUTDOWN, 'no-protection': { help: 'do not protect it again afterwards' } },
      async (api, given) => ({
        kind: 'failback',
        ...(await ofFailed(api, given)),
        ...backOf(given),
        ...readyOf(given),
        ...shutdownOf(given),
        ...(given.flag('no-protection') ? { protectAgain: false } : {}),
      }),
    ),
    fence: {
      summary: 'keep the originals on a pool from being started whose replicas took over, once it is back',
      positionals: [{ name: 'POOL', completes: 'pool' }],
      options: { vm: { value: 'UUID', help: 'only of this source VM' }, ...ACT_OPTIONS },
      notes: ACT_NOTES,
      async run(context, given) {
        const vm = given.text('vm')
        const pool = (await findPool(await context.api(), given.argument('POOL'))).id
        return act(context, given, { kind: 'fence', pool, ...(vm === undefined ? {} : { vm }) })
      },
    },
    'clean-up': {
      summary: 'remove what test failovers kept or left on a pool; without --test and --vm also what was left by what ended early',
      positionals: [{ name: 'POOL', completes: 'pool' }],
      options: {
        test: { value: 'ID', help: 'only of this test' },
        vm: { value: 'UUID', help: 'only of this source VM' },
        ...ACT_OPTIONS,
      },
      notes: ACT_NOTES,
      async run(context, given) {
        const [test, vm] = [given.text('test'), given.text('vm')]
        const pool = (await findPool(await context.api(), given.argument('POOL'))).id
        return act(context, given, { kind: 'clean-up', pool, ...(test === undefined ? {} : { test }), ...(vm === undefined ? {} : { vm }) })
      },
    },
  }
}

async function act(context: Context, given: Given, request: FailoverRequest): Promise<number> {
  const api = await context.api()
  const preview = await api.failover.preview(request)
  if (given.flag('dry-run')) {
    context.show(preview, () => previewText(preview))
    return 0
  }
  if (!context.json) context.note(previewText(preview))
  const confirm = await typedName(context, given, preview.confirm)
  const all = { ...request, agreed: preview.agreed, ...(confirm === undefined ? {} : { confirm }) }
  return begun(context, api, given, await api.failover.start(all, randomUUID()))
}

/** By the name or uuid of the source VM, or of what took over from it. */
async function failedOver(api: RemoteApi, text: string): Promise<FailoverStatus> {
  const all = (await api.failover.status({})).filter(({ failedOver: failed, unfinished }) => failed.length > 0 || unfinished !== null)
  const named = all.flatMap((status) => [
    { id: status.vm.uuid, name: status.vm.name, status },
    ...status.failedOver.filter(({ uuid }) => uuid !== status.vm.uuid).map(({ uuid, name }) => ({ id: uuid, name, status })),
  ])
  // The VM that took over has the name of its source: that is one and the same.
  const once = named.filter(({ name, status }, nth) => named.findIndex((each) => each.status === status && each.name === name) === nth)
  const byId = named.find(({ id }) => id === text)
  if (byId !== undefined) return byId.status
  const { status } = find('VM that failed over', once, text)
  return status
}

function pointOf(given: Given) {
  const point = given.text('point')
  const macs = given.choice('mac', ['new', 'keep', 'safe'] as const)
  const networks = networksOf(given)
  return {
    ...(point === undefined ? {} : { restorePoint: point }),
    ...(macs === undefined ? {} : { macs }),
    ...(networks === undefined ? {} : { networks }),
  }
}

const CHOICES = ['isolated', 'replica', 'none'] as const

function networksOf(given: Given): NetworkWish | undefined {
  const text = given.text('network')
  const mapping = mappingOf(given)
  if (text === undefined && mapping === undefined) return undefined
  const choice = CHOICES.find((each) => each === text)
  if (text === undefined) throw new UsageError('--map goes with --network: what becomes of the others')
  const chosen = choice === undefined ? ({ choice: 'one', network: text } as const) : { choice }
  return { ...chosen, ...(mapping === undefined ? {} : { mapping }) }
}

function mappingOf(given: Given): Readonly<Record<string, string | null>> | undefined {
  const pairs = given.list('map')
  if (pairs.length === 0) return undefined
  return Object.fromEntries(
    pairs.map((pair) => {
      const [from, to, ...more] = pair.split('=')
      if (!from || !to || more.length > 0) throw new UsageError(`--map takes OLD=NEW or OLD=none, not '${pair}'`)
      return [from, to === 'none' ? null : to]
    }),
  )
}

function readyOf(given: Given): { readonly ready?: ReadinessWish } {
  const checks = given.list('ready')
  const timeout = given.number('ready-timeout', 1, 86_400)
  if (checks.length === 0 && timeout === undefined) return {}
  return { ready: { checks: checks.length === 0 ? ['tools'] : checks, timeoutSeconds: timeout ?? 300 } }
}

function shutdownOf(given: Given) {
  const timeout = given.number('shutdown-timeout', 1, 86_400)
  return {
    ...(given.flag('hard-shutdown') ? { shutdown: 'hard' as const } : {}),
    ...(timeout === undefined ? {} : { shutdownTimeoutSeconds: timeout }),
  }
}

function backOf(given: Given) {
  const [sr, networks] = [given.text('back-sr'), mappingOf(given)]
  return { ...(sr === undefined ? {} : { backSr: sr }), ...(networks === undefined ? {} : { networks }) }
}

async function status(context: Context, given: Given): Promise<number> {
  const api = await context.api()
  const job = given.text('job')
  const found = await api.failover.status(job === undefined ? {} : { job: (await findJob(api, job)).id })
  if (found.length > 500) throw new CommandFailure('that are too many to show')
  const columns: readonly Column<FailoverStatus>[] = [
    { title: 'VM', value: ({ vm }) => vm.name, shrinks: true },
    { title: 'STATE', value: stateText, shrinks: true },
    { title: 'TESTS', value: ({ tests }) => tests.map(({ name }) => name).join(', '), shrinks: true },
    { title: 'POSSIBLE', value: ({ possible }) => possible.join(', '), shrinks: true },
  ]
  context.show(found, () =>
    found.length === 0
      ? 'Nothing has failed over, and there are no tests.'
      : table(found, columns, { wide: context.wide, width: terminalWidth() }),
  )
  return 0
}

function stateText({ unfinished, failedOver: failed, startedByOtherMeans, underWay, possible, source }: FailoverStatus): string {
  const lines = [
    ...(underWay === null ? [] : [`activity ${underWay} is under way`]),
    ...(unfinished === null ? [] : [unfinished.text]),
    ...(startedByOtherMeans ? ['the replica was started by other means'] : []),
    ...failed.map(
      ({ name, uuid, kind, state }) => `${name} (${uuid}): ${kind}, ${state === 'turned' ? 'protected in the direction back' : state}`,
    ),
  ]
  if (possible.includes('fence')) lines.push('its original can be started: understudy replica fence')
  if (source?.powerState === 'Running' && failed.some(({ state, clone }) => state === 'active' && !clone))
    lines.push('its original RUNS, too')
  return lines.length === 0 ? 'a replica' : lines.join('; ')
}
