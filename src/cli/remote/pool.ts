/** `understudy pool`: the pools that the server knows. */
import type { InventoryVm, PoolStatus } from '../../core/control/pool-record.ts'
import type { NewPool } from '../../jobs/control-plane.ts'
import { normalFingerprint } from '../../xapi/fingerprint.ts'
import { askOnTerminal } from '../ask-trust.ts'
import { CommandFailure, UsageError } from '../command.ts'
import { formatBytes } from '../sizes.ts'
import type { Noun } from './action.ts'
import type { RemoteApi } from './api.ts'
import type { Context } from './context.ts'
import type { Given } from './given.ts'
import { findPool } from './names.ts'
import { nounCommand } from './noun-command.ts'
import { readSecret } from './secrets.ts'
import { type Column, facts, table, terminalWidth } from './table.ts'
import { when } from './times.ts'
import { watching } from './watching.ts'

const CREDENTIALS = {
  user: { value: 'USER', help: 'user of the pool (root)' },
  'password-file': {
    value: 'FILE',
    help: 'file that holds the password, - for standard input (also UNDERSTUDY_POOL_PASSWORD; else it is asked)',
    completes: 'file',
  },
  fingerprint: { value: 'FINGERPRINT', help: 'accept the pool certificate with this SHA-256 fingerprint without asking' },
} as const
const POOL = [{ name: 'POOL', completes: 'pool' }] as const

const noun: Noun = {
  name: 'pool',
  summary: 'pools that the server knows: add, test, look at what is in them',
  actions: {
    list: {
      summary: 'all pools with their state',
      options: { watch: { help: 'stay, and show every change' } },
      run: (context, given) => watching(context, given, ['pool', 'pool-removed'], (api) => listPools(context, api)),
    },
    show: { summary: 'one pool: state, hosts, storage, networks', positionals: POOL, run: show },
    add: {
      summary: 'add a pool, after looking at the fingerprint of its certificate',
      positionals: [{ name: 'URL' }],
      options: { name: { value: 'NAME', help: 'what to call it (the name that the pool has)' }, ...CREDENTIALS },
      notes:
        'URL is https://HOST[:PORT] of any host of the pool. The fingerprint is shown and asked for; without a terminal give --fingerprint.\nThe password is encrypted by the server.',
      run: add,
    },
    edit: {
      summary: 'change address, user, password or accepted certificate of a pool',
      positionals: POOL,
      options: {
        url: { value: 'URL', help: 'its new address' },
        name: { value: 'NAME', help: 'its new name' },
        ...CREDENTIALS,
        'new-password': { help: 'ask for a new password' },
        'accept-certificate': { help: 'look at the certificate anew, and ask whether it is the right one' },
      },
      notes: 'Address and password are tried before they are stored.',
      run: edit,
    },
    enable: { summary: 'connect to a pool again', positionals: POOL, run: (context, given) => setEnabled(context, given, true) },
    disable: {
      summary: 'leave a pool alone: no connection, no runs',
      positionals: POOL,
      run: (context, given) => setEnabled(context, given, false),
    },
    remove: { summary: 'forget a pool; nothing changes on it', positionals: POOL, run: remove },
    test: { summary: 'log in anew and try what is needed; exit code 1 when something fails', positionals: POOL, run: test },
    vms: {
      summary: 'VMs of a pool that can be protected',
      positionals: POOL,
      options: { tag: { value: 'TAG', help: 'only those with the tag' } },
      run: (context, given) =>
        inventory(context, given, (pool) => {
          const tag = given.text('tag')
          return [pool.vms.filter(({ tags }) => tag === undefined || tags.includes(tag)), VM_COLUMNS]
        }),
    },
    srs: {
      summary: 'storage repositories of a pool',
      positionals: POOL,
      run: (context, given) => inventory(context, given, ({ srs }) => [srs, SR_COLUMNS]),
    },
    networks: {
      summary: 'networks of a pool',
      positionals: POOL,
      run: (context, given) => inventory(context, given, ({ networks }) => [networks, NETWORK_COLUMNS]),
    },
  },
}

export const command = nounCommand(noun)
export { noun }

type Inventory = Awaited<ReturnType<RemoteApi['pools']['inventory']>>

const VM_COLUMNS: readonly Column<InventoryVm>[] = [
  { title: 'NAME', value: ({ name }) => name, shrinks: true },
  { title: 'POWER', value: ({ powerState }) => powerState },
  { title: 'DISKS', value: ({ disks }) => String(disks.length), right: true },
  { title: 'SIZE', value: ({ disks }) => formatBytes(disks.reduce((sum, { size }) => sum + size, 0)), right: true },
  { title: 'TAGS', value: ({ tags }) => tags.join(', '), shrinks: true },
  { title: 'REPLICA', value: ({ replicaOf }) => (replicaOf === null ? '' : 'yes') },
  { title: 'UUID', value: ({ uuid }) => uuid },
]
const SR_COLUMNS: readonly Column<Inventory['srs'][number]>[] = [
  { title: 'NAME', value: ({ name }) => name, shrinks: true },
  { title: 'TYPE', value: ({ type }) => type },
  { title: 'FREE', value: ({ size, used }) => formatBytes(Math.max(0, size - used)), right: true },
  { title: 'SIZE', value: ({ size }) => formatBytes(size), right: true },
  { title: 'SHARED', value: ({ shared }) => (shared ? 'yes' : 'no') },
  { title: 'USABLE', value: ({ usable }) => (usable ? 'yes' : 'no') },
  { title: 'UUID', value: ({ uuid }) => uuid },
]
const NETWORK_COLUMNS: readonly Column<Inventory['networks'][number]>[] = [
  { title: 'NAME', value: ({ name }) => name, shrinks: true },
  { title: 'VLAN', value: ({ vlan }) => (vlan === null ? '' : String(vlan)), right: true },
  { title: 'PURPOSES', value: ({ purposes }) => purposes.join(', ') },
  { title: 'UUID', value: ({ uuid }) => uuid },
]

async function listPools(context: Context, api: RemoteApi) {
  const pools = await api.pools.list()
  const now = Date.now()
  const columns: readonly Column<PoolStatus>[] = [
    { title: 'NAME', value: ({ name }) => name, shrinks: true },
    { title: 'STATE', value: ({ state }) => state, state: true },
    { title: 'HOSTS', value: ({ counts }) => String(counts.hosts), right: true },
    { title: 'VMS', value: ({ counts }) => String(counts.vms), right: true },
    { title: 'SRS', value: ({ counts }) => String(counts.srs), right: true },
    { title: 'SEEN', value: ({ lastSeenAt }) => when(lastSeenAt, now, context.wide) },
    { title: 'ADDRESS', value: ({ url }) => url, shrinks: true },
    { title: 'PROBLEM', value: ({ error }) => error?.message ?? '', shrinks: true },
    { title: 'ID', value: ({ id }) => id, wide: true },
  ]
  return {
    value: pools,
    text: () =>
      pools.length === 0
        ? "There is no pool yet: 'understudy pool add https://HOST' adds one."
        : table(pools, columns, { wide: context.wide, width: terminalWidth() }),
  }
}

async function show(context: Context, given: Given): Promise<number> {
  const api = await context.api()
  const pool = await findPool(api, given.argument('POOL'))
  const seen = await api.pools.inventory(pool.id).catch((error: { code?: string }) => {
    if (error.code === 'POOL_AWAY') return undefined
    throw error
  })
  const options = { wide: context.wide, width: terminalWidth() }
  context.show({ ...pool, inventory: seen ?? null }, () => {
    const head = poolFacts(pool)
    if (!seen) return head
    const hosts: readonly Column<Inventory['hosts'][number]>[] = [
      { title: 'HOST', value: ({ name }) => name, shrinks: true },
      { title: 'ADDRESS', value: ({ address }) => address },
      { title: 'LIVE', value: ({ live }) => (live ? 'yes' : 'no') },
      { title: 'MASTER', value: ({ isMaster }) => (isMaster ? 'yes' : '') },
    ]
    const part = <T>(rows: readonly T[], columns: readonly Column<T>[]) => (rows.length === 0 ? [] : [table(rows, columns, options)])
    return [head, ...part(seen.hosts, hosts), ...part(seen.srs, SR_COLUMNS), ...part(seen.networks, NETWORK_COLUMNS)].join('\n')
  })
  return 0
}

function poolFacts(pool: PoolStatus): string {
  const now = Date.now()
  return facts([
    ['Name', pool.name],
    ['State', `${pool.state}, since ${when(pool.since, now)}`],
    ['Problem', pool.error === null ? undefined : `${pool.error.message} (${pool.error.hint})`],
    ['Address', pool.url],
    ['User', pool.user],
    ['Version', pool.version ?? undefined],
    ['VMs', String(pool.counts.vms)],
    ['Last seen', when(pool.lastSeenAt, now) || 'never'],
    ['Certificate', pool.fingerprints.join(', ')],
    ['Id', pool.id],
  ])
}

/** Shows the certificate's fingerprint and asks, unless it was given. */
async function acceptedFingerprint(context: Context, api: RemoteApi, url: string, given: string | undefined): Promise<string> {
  if (given !== undefined) {
    const fingerprint = normalFingerprint(given)
    if (fingerprint === undefined) throw new UsageError('--fingerprint is 64 hexadecimal digits, colons between them or not')
    return fingerprint
  }
  const certificate = await api.pools.certificate(url)
  context.note(
    `The certificate of ${url} has the SHA-256 fingerprint\n  ${certificate.fingerprint}\n(${certificate.subject}, until ${certificate.validTo})`,
  )
  if (await askOnTerminal('Is it the right one? Compare it with what the host shows.', context.signal)) return certificate.fingerprint
  throw new CommandFailure('the certificate was not accepted', {
    hint: `when it is the right one: --fingerprint ${certificate.fingerprint}`,
  })
}

/** The user may stand in the URL, as for the other commands; a password there would be in the list of processes. */
function address(text: string): { readonly url: string; readonly user: string | undefined } {
  let url: URL
  try {
    url = new URL(text.includes('://') ? text : `https://${text}`)
  } catch {
    throw new UsageError('the address of a pool is https://HOST[:PORT]')
  }
  if (url.password !== '')
    throw new UsageError(
      'a password in the arguments is readable in the list of processes: leave it out of the URL; it is asked for, or comes from --password-file',
    )
  const user = url.username === '' ? undefined : decodeURIComponent(url.username)
  url.username = ''
  return { url: url.href.replace(/\/$/, ''), user }
}

async function add(context: Context, given: Given): Promise<number> {
  const { url, user } = address(given.argument('URL'))
  const api = await context.api()
  const fingerprint = await acceptedFingerprint(context, api, url, given.text('fingerprint'))
  const name = given.text('name')
  const password = await poolPassword(context, given)
  const pool = await api.pools.add({
    url,
    user: given.text('user') ?? user ?? 'root',
    password,
    fingerprint,
    ...(name === undefined ? {} : { name }),
  })
  context.show(pool, () => `Pool ${pool.name} was added: ${pool.counts.vms} VMs, ${pool.counts.srs} SRs.`)
  return 0
}

function poolPassword(context: Context, given: Given): Promise<string> {
  return readSecret({
    what: 'password of the pool',
    option: 'password-file',
    file: given.text('password-file'),
    env: 'UNDERSTUDY_POOL_PASSWORD',
    signal: context.signal,
  })
}

async function edit(context: Context, given: Given): Promise<number> {
  const api = await context.api()
  const pool = await findPool(api, given.argument('POOL'))
  const asked = given.text('url') === undefined ? undefined : address(given.needed('url'))
  const user = given.text('user') ?? asked?.user
  const name = given.text('name')
  const newPassword = given.flag('new-password') || given.text('password-file') !== undefined
  const look = given.flag('accept-certificate') || given.text('fingerprint') !== undefined
  const change: Partial<NewPool> = {
    ...(name === undefined ? {} : { name }),
    ...(asked === undefined ? {} : { url: asked.url }),
    ...(user === undefined ? {} : { user }),
    ...(newPassword ? { password: await poolPassword(context, given) } : {}),
    ...(look ? { fingerprint: await acceptedFingerprint(context, api, asked?.url ?? pool.url, given.text('fingerprint')) } : {}),
  }
  if (Object.keys(change).length === 0) throw new UsageError('nothing to change was named')
  const changed = await api.pools.change(pool.id, change)
  context.show(changed, () => `Pool ${changed.name} was changed.`)
  return 0
}

async function setEnabled(context: Context, given: Given, enabled: boolean): Promise<number> {
  const api = await context.api()
  const pool = await findPool(api, given.argument('POOL'))
  const changed = await api.pools.change(pool.id, { enabled })
  context.show(changed, () => `Pool ${changed.name} is ${enabled ? 'enabled' : 'disabled'}.`)
  return 0
}

async function remove(context: Context, given: Given): Promise<number> {
  const api = await context.api()
  const pool = await findPool(api, given.argument('POOL'))
  await api.pools.remove(pool.id)
  context.show({ id: pool.id }, () => `Pool ${pool.name} was removed from the server; the pool itself is as it was.`)
  return 0
}

async function test(context: Context, given: Given): Promise<number> {
  const api = await context.api()
  const pool = await findPool(api, given.argument('POOL'))
  const result = await api.pools.test(pool.id)
  context.show(result, () => result.checks.map(({ name, ok, text }) => `${ok ? '✓' : '✗'} ${name}: ${text}\n`).join(''))
  return result.ok ? 0 : 1
}

async function inventory<T>(
  context: Context,
  given: Given,
  part: (inventory: Inventory) => readonly [readonly T[], readonly Column<T>[]],
): Promise<number> {
  const api = await context.api()
  const pool = await findPool(api, given.argument('POOL'))
  const [rows, columns] = part(await api.pools.inventory(pool.id))
  context.show(rows, () => table(rows, columns, { wide: context.wide, width: terminalWidth() }))
  return 0
}
