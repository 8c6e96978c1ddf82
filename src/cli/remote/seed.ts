/** `understudy seed`: first copies on a medium, by a server. `seed export` and `seed import` need none, and are another command. */
import { randomUUID } from 'node:crypto'
import type { SeedFolder, SeedSnapshotInfo } from '../../core/control/seed-record.ts'
import { UsageError } from '../command.ts'
import { formatBytes } from '../sizes.ts'
import type { Noun } from './action.ts'
import type { RemoteApi } from './api.ts'
import { besideLocal } from './beside-local.ts'
import type { Context } from './context.ts'
import { ACT_NOTES, ACT_OPTIONS, begun } from './follow-activity.ts'
import type { Given } from './given.ts'
import { findJob, findPool, findSchedule, findSr, findVm, type Inventories, inventoriesOf } from './names.ts'
import { nounCommand } from './noun-command.ts'
import { type Column, facts, table, terminalWidth } from './table.ts'
import { when } from './times.ts'

const VM = { name: 'VM', completes: 'vm' } as const
const FOLDER = { name: 'FOLDER' } as const
const { watch, wait, 'time-limit': timeLimit } = ACT_OPTIONS
const FOLLOW = { watch, wait, 'time-limit': timeLimit }
const JOB = { job: { value: 'JOB', help: 'the job that the replica is for', completes: 'job' } } as const
const SCHEDULE = {
  schedule: { value: 'SCHEDULE', help: "whose restore point it becomes (the job's first)", completes: 'schedule' },
} as const
const LINK = {
  ...JOB,
  ...SCHEDULE,
  from: { value: 'POOL', help: 'pool of the source', completes: 'pool' },
  snapshot: { value: 'UUID', help: 'the source snapshot' },
  to: { value: 'POOL', help: 'pool where the copy is', completes: 'pool' },
  copy: { value: 'UUID', help: 'the VM that was made of the snapshot' },
  check: { value: 'MODE', help: 'sample, full or off: how much is compared (sample)', completes: ['sample', 'full', 'off'] },
} as const

const noun: Noun = {
  name: 'seed',
  summary: "first copies that are carried on a medium, in the server's folder for seeds",
  notes: `'understudy seed export' and 'understudy seed import' do it on this machine, without a server.`,
  actions: {
    list: { summary: "seeds in the server's folder", run: list },
    snapshots: { summary: 'snapshots of a VM, and whether a seed can be made of each', positionals: [VM], run: snapshots },
    snapshot: {
      summary: 'take a snapshot for a seed, with change tracking on',
      positionals: [VM],
      options: FOLLOW,
      notes: ACT_NOTES,
      run: snapshot,
    },
    'server-export': {
      summary: "export a seed to the server's folder; one that was broken off is gone on with",
      positionals: [VM, FOLDER],
      options: { snapshot: { value: 'UUID', help: 'a snapshot of it, in place of one that is taken now' }, ...FOLLOW },
      notes: ACT_NOTES,
      run: exportSeed,
    },
    'server-import': {
      summary: "make a job's replica of a seed in the server's folder; its next run sends a delta",
      positionals: [FOLDER],
      options: {
        ...JOB,
        ...SCHEDULE,
        to: { value: 'SR', help: "storage of the replica (the job's only target)", completes: 'sr' },
        verify: { value: 'MODE', help: 'changed, sample or off: how much is read back (changed)', completes: ['changed', 'sample', 'off'] },
        ...FOLLOW,
      },
      notes: ACT_NOTES,
      run: importSeed,
    },
    check: { summary: 'tell whether a copy made by hand could be linked', options: LINK, run: check },
    link: {
      summary: 'compare and link a copy made by hand, as cr-seed does',
      options: { ...LINK, ...FOLLOW },
      notes: ACT_NOTES,
      run: link,
    },
    state: {
      summary: 'how a seed stands that was linked, and what to do',
      positionals: [VM],
      options: { ...JOB, to: { value: 'SR', help: "storage of the replica (the job's only target)", completes: 'sr' } },
      run: state,
    },
    delete: { summary: "delete a seed from the server's folder", positionals: [FOLDER], run: remove },
  },
}

export const command = besideLocal(
  nounCommand(noun, ['export', 'import']),
  ['export', 'import'],
  async () => (await import('../seed.ts')).command,
  `'understudy seed export --help' tells of seeds without a server.`,
)
export { noun }

/** A replica has the name of its source, and is none. */
function sourcesOf(api: RemoteApi): Inventories {
  const { all, unseen } = inventoriesOf(api)
  return {
    unseen,
    all: async () =>
      (await all()).map(({ pool, inventory }) => ({
        pool,
        inventory: { ...inventory, vms: inventory.vms.filter(({ replicaOf }) => replicaOf === null) },
      })),
  }
}

async function list(context: Context): Promise<number> {
  const seeds = await (await context.api()).seeds.folders()
  const now = Date.now()
  const columns: readonly Column<SeedFolder>[] = [
    { title: 'FOLDER', value: ({ name }) => name },
    { title: 'STATE', value: ({ state: each }) => each, state: true },
    { title: 'VM', value: ({ vm }) => vm?.name ?? '', shrinks: true },
    { title: 'AS OF', value: ({ snapshot: of }) => when(of?.takenAt, now, context.wide) },
    { title: 'SIZE', value: ({ bytesStored }) => formatBytes(bytesStored), right: true },
    { title: 'PROBLEM', value: ({ problem }) => problem ?? '', shrinks: true },
  ]
  context.show(seeds, () =>
    seeds.length === 0 ? 'There is no seed.' : table(seeds, columns, { wide: context.wide, width: terminalWidth() }),
  )
  return 0
}

async function snapshots(context: Context, given: Given): Promise<number> {
  const api = await context.api()
  const { pool, vm } = await findVm(sourcesOf(api), given.argument('VM'))
  const found = await api.seeds.snapshots(pool.id, vm.uuid)
  const now = Date.now()
  const columns: readonly Column<SeedSnapshotInfo>[] = [
    { title: 'TAKEN', value: ({ takenAt }) => when(takenAt, now, context.wide) },
    { title: 'NAME', value: ({ name }) => name, shrinks: true },
    { title: 'DISKS', value: ({ disks }) => String(disks.length), right: true },
    { title: 'USABLE', value: ({ usable, reason }) => (usable ? 'yes' : `no: ${reason}`), shrinks: true },
    { title: 'UUID', value: ({ uuid }) => uuid },
  ]
  context.show(found, () =>
    found.length === 0 ? `${vm.name} has no snapshot.` : table(found, columns, { wide: context.wide, width: terminalWidth() }),
  )
  return 0
}

async function snapshot(context: Context, given: Given): Promise<number> {
  const api = await context.api()
  const { pool, vm } = await findVm(sourcesOf(api), given.argument('VM'))
  return begun(context, api, given, await api.seeds.takeSnapshot({ pool: pool.id, vm: vm.uuid }, randomUUID()))
}

async function exportSeed(context: Context, given: Given): Promise<number> {
  const api = await context.api()
  const { pool, vm } = await findVm(sourcesOf(api), given.argument('VM'))
  const of = given.text('snapshot')
  const request = { pool: pool.id, folder: given.argument('FOLDER'), ...(of === undefined ? { vm: vm.uuid } : { snapshot: of }) }
  return begun(context, api, given, await api.seeds.export(request, randomUUID()))
}

/** The storage that --to names, else the only one of the job. */
async function targetOf(context: Context, given: Given) {
  const api = await context.api()
  const job = await findJob(api, given.needed('job'))
  const to = given.text('to')
  if (to !== undefined) {
    const { pool, sr } = await findSr(inventoriesOf(api), to)
    return { api, job, target: { pool: pool.id, sr: sr.uuid } }
  }
  const [target, ...more] = job.targets
  if (target === undefined || more.length > 0) throw new UsageError(`job ${job.name} has ${job.targets.length} targets: name one with --to`)
  return { api, job, target }
}

async function importSeed(context: Context, given: Given): Promise<number> {
  const verify = given.choice('verify', ['changed', 'sample', 'off'] as const)
  const { api, job, target } = await targetOf(context, given)
  const schedule = given.text('schedule')
  const request = {
    folder: given.argument('FOLDER'),
    job: job.id,
    target,
    ...(schedule === undefined ? {} : { schedule: findSchedule(job, schedule).id }),
    ...(verify === undefined ? {} : { verify }),
  }
  return begun(context, api, given, await api.seeds.import(request, randomUUID()))
}

async function linkRequest(context: Context, given: Given) {
  const mode = given.choice('check', ['sample', 'full', 'off'] as const)
  const api = await context.api()
  const job = await findJob(api, given.needed('job'))
  const schedule = given.text('schedule')
  return {
    pool: (await findPool(api, given.needed('from'))).id,
    snapshot: given.needed('snapshot'),
    job: job.id,
    targetPool: (await findPool(api, given.needed('to'))).id,
    copy: given.needed('copy'),
    ...(schedule === undefined ? {} : { schedule: findSchedule(job, schedule).id }),
    ...(mode === undefined ? {} : { check: mode }),
  }
}

async function check(context: Context, given: Given): Promise<number> {
  const found = await (await context.api()).seeds.check(await linkRequest(context, given))
  context.show(found, () => `${found.text}${found.hint === '' ? '' : ` (${found.hint})`}`)
  return found.kind === 'refused' ? 1 : 0
}

async function link(context: Context, given: Given): Promise<number> {
  const api = await context.api()
  return begun(context, api, given, await api.seeds.link(await linkRequest(context, given), randomUUID()))
}

async function state(context: Context, given: Given): Promise<number> {
  const { api, job, target } = await targetOf(context, given)
  const { vm } = await findVm(sourcesOf(api), given.argument('VM'))
  const found = await api.seeds.state({ job: job.id, vm: vm.uuid, ...target })
  context.show(found, () =>
    facts([
      ['State', `${found.state}: ${found.text}`],
      ['To do', found.hint === '' ? undefined : found.hint],
      ['As of', found.takenAt ?? undefined],
      ['Source snapshot', found.snapshot ?? undefined],
      ['Replica', found.replica ?? undefined],
    ]),
  )
  return 0
}

async function remove(context: Context, given: Given): Promise<number> {
  const name = given.argument('FOLDER')
  await (await context.api()).seeds.removeFolder(name)
  context.show({ removed: name }, () => `Seed ${name} is deleted.`)
  return 0
}
