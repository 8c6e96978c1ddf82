/** What is looked at when somebody asks whether a pool works: each thing in a line, the first that fails ends it. */

import { Failure } from '../../core/failure.ts'
import { parseDatetime } from '../../core/marks.ts'
import type { PoolOperations } from '../control-plane.ts'
import { type ConnectedPool, connectPool, failureOf, type PoolLogin } from './connect-pool.ts'

type Tested = Awaited<ReturnType<PoolOperations['test']>>
type Check = Tested['checks'][number]

/** Restore points carry the source's time; hours of difference would make ages meaningless, a few seconds don't. */
const MOST_SKEW_S = 30
/** Calls that a run can't do without, as RBAC names them (xen-api ocaml/idl/datamodel_roles.ml). */
const NEEDED = ['vm.snapshot', 'vm.create', 'vdi.create', 'vdi.destroy', 'http/put_import_raw_vdi', 'http/get_export_raw_vdi']

/** @param expected uuid that the pool was registered with */
export async function testPool(login: PoolLogin, expected: string, now: () => number, signal: AbortSignal): Promise<Tested> {
  const checks: Check[] = []
  const before = performance.now()
  let connected: ConnectedPool
  try {
    connected = await connectPool(login, { signal, expected })
  } catch (error) {
    checks.push({ name: 'login', ok: false, text: lineOf(error) })
    return { ok: false, checks }
  }
  const { xapi } = connected
  try {
    const ms = Math.round(performance.now() - before)
    checks.push({ name: 'login', ok: true, text: `certificate, user and password are accepted; it took ${ms} ms` })
    checks.push(await rights(connected, signal))
    checks.push(await clock(connected, now, signal))
    const [pool] = (await xapi.records('pool', { signal })).values()
    const master = pool && (await xapi.record('host', pool.master, { signal }))
    const version = [master?.software_version.product_brand, master?.software_version.product_version].filter(Boolean).join(' ')
    checks.push({ name: 'version', ok: version !== '', text: version || 'the master tells no version' })
  } catch (error) {
    checks.push({ name: 'answers', ok: false, text: lineOf(error) })
  } finally {
    await xapi.close()
  }
  return { ok: checks.every((check) => check.ok), checks }
}

async function rights({ xapi }: ConnectedPool, signal: AbortSignal): Promise<Check> {
  const session = await xapi.call<{ is_local_superuser?: boolean; rbac_permissions?: string[] }>('session.get_record', [xapi.session], {
    signal,
  })
  if (session.is_local_superuser) return { name: 'rights', ok: true, text: 'the user may do everything' }
  const granted = new Set(session.rbac_permissions?.map((name) => name.toLowerCase()))
  const lacking = NEEDED.filter((name) => !granted.has(name))
  if (lacking.length === 0) return { name: 'rights', ok: true, text: 'the user may do what runs need' }
  return { name: 'rights', ok: false, text: `the user may not do what runs need: ${lacking.join(', ')}. A pool administrator may` }
}

async function clock({ xapi }: ConnectedPool, now: () => number, signal: AbortSignal): Promise<Check> {
  const [pool] = (await xapi.records('pool', { signal })).values()
  const before = now()
  const text = await xapi.call<string>('host.get_servertime', [pool?.master], { signal })
  const told = parseDatetime(text)
  if (told === undefined) return { name: 'clock', ok: false, text: `the master tells a time that can't be read: ${text.slice(0, 40)}` }
  // Half a second more: what is told was cut to whole seconds.
  const seconds = Math.round((told + 500 - (before + now()) / 2) / 1000)
  if (Math.abs(seconds) <= MOST_SKEW_S) return { name: 'clock', ok: true, text: "the master's clock agrees with this machine's" }
  const how = `${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'}`
  return { name: 'clock', ok: false, text: `the master's clock is ${how} this machine's: set up NTP on both` }
}

function lineOf(error: unknown): string {
  const explained = failureOf(error)
  if (explained instanceof Failure) return explained.hint ? `${explained.message} (${explained.hint})` : explained.message
  return `unexpected error: ${(error as Error)?.message ?? error}`
}
