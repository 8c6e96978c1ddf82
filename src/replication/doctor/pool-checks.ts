/** The pool as a whole: its hosts, their versions and clocks, how far away it is, and what the user may do. */
import { randomUUID } from 'node:crypto'
import { parseDatetime } from '../../core/marks.ts'
import { XapiError } from '../../xapi/errors.ts'
import type { Ref } from '../../xapi/ref.ts'
import { xapiOf } from './bench.ts'
import { type Check, lacking, ok, reserve } from './check.ts'
import { listed } from './scratch-disk.ts'

/** XenServer 7.3 was the first with change tracking; both products call it 7.3 or later. */
const LEAST_VERSION = [7, 3] as const

export const version: Check = {
  id: 'version',
  title: 'Version of the hosts',
  needs: ['login'],
  costs: 'what later versions do differently was not tried',
  mend: 'see the checks below: they tell what this version can do',
  dispensable: true,
  async run(bench, signal) {
    const hosts = [...(await xapiOf(bench).records('host', { signal })).values()]
    const names = [
      ...new Set(hosts.map(({ software_version: v }) => `${v.product_brand ?? 'XAPI'} ${v.product_version ?? v.xapi ?? ''}`.trim())),
    ]
    const restricted = ['restrict_cbt', 'restrict_nbd'].filter((key) => hosts.some(({ license_params: params }) => params[key] === 'true'))
    if (restricted.length > 0) {
      const costs = 'deltas by whole exports instead of the changed blocks alone'
      return reserve(`${names.join(', ')}; its licence has ${restricted.join(' and ')}`, costs, 'a licence that includes them, or XCP-ng')
    }
    if (names.length > 1) {
      return reserve(
        `${names.join(', ')}: not all the same`,
        'a pool in the middle of an upgrade may refuse operations',
        'complete the upgrade',
      )
    }
    const [major = 0, minor = 0] = (hosts[0]?.software_version.product_version ?? '').split('.').map(Number)
    const old = major > 0 && (major < LEAST_VERSION[0] || (major === LEAST_VERSION[0] && minor < LEAST_VERSION[1]))
    if (old) return reserve(`${names[0]}`, 'no change tracking: each run reads an export of all that changed', 'upgrade the pool')
    return ok(`${names[0]}, ${hosts.length === 1 ? 'one host' : `${hosts.length} hosts`}`)
  },
}

export const hosts: Check = {
  id: 'hosts',
  title: 'Hosts live and enabled',
  needs: ['login'],
  costs: 'disks that only a dead host sees can be neither read nor written',
  mend: 'bring the host up, or take it out of the pool',
  async run(bench, signal) {
    const xapi = xapiOf(bench)
    const [records, metrics] = await Promise.all([xapi.records('host', { signal }), xapi.records('host_metrics', { signal })])
    const dead = [...records.values()]
      .filter((host) => metrics.get(host.metrics)?.live !== true)
      .map((host) => `${host.name_label} is not live`)
    const off = [...records.values()]
      .filter((host) => !host.enabled && metrics.get(host.metrics)?.live === true)
      .map((host) => `${host.name_label} is disabled`)
    const found = [...dead, ...off]
    if (dead.length === records.size) return lacking(hosts, listed(found))
    if (found.length > 0) return reserve(listed(found), hosts.costs, hosts.mend)
    return ok(listed([...records.values()].map((host) => host.name_label)))
  },
}

/** Seconds that clocks may differ without anybody minding; XAPI tells its own in whole seconds. */
export const MOST_SKEW_S = 5

export const clock: Check = {
  id: 'clock',
  title: 'Clock',
  needs: ['login'],
  costs: 'restore points carry wrong times, and reports of how old they are mislead',
  mend: 'set up NTP on the hosts and on this machine',
  dispensable: true,
  async run(bench, signal) {
    const xapi = xapiOf(bench)
    const pools = await xapi.records('pool', { signal })
    const master = [...pools.values()][0]?.master as Ref<'host'>
    const before = Date.now()
    const told = await xapi.call<string>('host.get_servertime', [master], { signal })
    const after = Date.now()
    const time = parseDatetime(told)
    if (time === undefined) return lacking(clock, `the host tells a time that can't be read: ${told.slice(0, 40)}`)
    // Half a second more: what is told was cut to whole seconds.
    bench.skewMs = time + 500 - (before + after) / 2
    const seconds = bench.skewMs / 1000
    const figures = { clockAheadSeconds: Math.round(seconds) }
    if (Math.abs(seconds) <= MOST_SKEW_S) return ok('agrees with this machine’s to the second or so', figures)
    const how = `${Math.abs(Math.round(seconds))} s ${seconds > 0 ? 'ahead of' : 'behind'} this machine's`
    return reserve(how, clock.costs, clock.mend, figures)
  },
}

const ROUNDS = 20
/** Milliseconds from which a long line makes itself felt in runs of many calls. */
const FAR_MS = 100

export const latency: Check = {
  id: 'latency',
  title: 'Round trip of a call',
  needs: ['login'],
  costs: 'each run takes some tens of calls: that many round trips more',
  mend: 'run Understudy nearer to the pool',
  dispensable: true,
  async run(bench, signal) {
    const xapi = xapiOf(bench)
    const ref = [...(await xapi.records('pool', { signal })).keys()][0]
    const times: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const started = performance.now()
      await xapi.call('pool.get_uuid', [ref], { signal })
      times.push(performance.now() - started)
    }
    const median = times.sort((a, b) => a - b)[ROUNDS / 2] as number
    const detail = `${median.toFixed(1)} ms (median of ${ROUNDS})`
    return median <= FAR_MS ? ok(detail, { latencyMs: median }) : reserve(detail, latency.costs, latency.mend, { latencyMs: median })
  },
}

/**
 * Calls that change something, with references that nobody has: XAPI checks the role before it looks at the object (the dispatcher
 * made by ocaml/idl/ocaml_backend/gen_server.ml wraps the implementation in Rbac.check), so that one that is allowed answers
 * HANDLE_INVALID and does nothing. Constructors are tried for real by the checks below.
 */
function harmlessCalls(): readonly (readonly [method: string, params: readonly unknown[]])[] {
  const nobody = () => `OpaqueRef:${randomUUID()}`
  return [
    ['VM.snapshot', [nobody(), 'understudy doctor']],
    ['VM.clone', [nobody(), 'understudy doctor']],
    ['VM.destroy', [nobody()]],
    ['VM.set_other_config', [nobody(), {}]],
    ['VM.set_blocked_operations', [nobody(), {}]],
    ['VM.set_is_a_template', [nobody(), true]],
    ['VM.set_name_label', [nobody(), 'understudy doctor']],
    ['VM.set_memory_limits', [nobody(), '0', '0', '0', '0'].map((value, at) => (at === 0 ? value : Number(value)))],
    ['VDI.snapshot', [nobody(), {}]],
    ['VDI.clone', [nobody(), {}]],
    ['VDI.resize', [nobody(), 2097152]],
    ['VDI.destroy', [nobody()]],
    ['VDI.set_other_config', [nobody(), {}]],
    ['VDI.enable_cbt', [nobody()]],
    ['VDI.list_changed_blocks', [nobody(), nobody()]],
    ['VDI.data_destroy', [nobody()]],
    ['VDI.get_nbd_info', [nobody()]],
    ['VBD.destroy', [nobody()]],
    ['VIF.destroy', [nobody()]],
  ]
}

export const rights: Check = {
  id: 'rights',
  title: 'Rights of the user',
  needs: ['login'],
  costs: 'runs fail at the first call that the user may not make',
  mend: 'use an account of the role pool-admin or pool-operator',
  async run(bench, signal) {
    const xapi = xapiOf(bench)
    const calls = harmlessCalls()
    const answers = await Promise.all(
      calls.map(async ([method, params]) => {
        try {
          await xapi.call(method, params, { signal })
        } catch (error) {
          if (!(error instanceof XapiError)) throw error
          if (error.code === 'RBAC_PERMISSION_DENIED') return method
        }
        return undefined
      }),
    )
    const denied = answers.filter((method) => method !== undefined)
    if (denied.length > 0) return lacking(rights, `may not call ${listed(denied)}`)
    return ok(`all ${calls.length} calls tried are allowed`)
  },
}
