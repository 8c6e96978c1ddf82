/** Host messages: what administrators' tools ask first, and switching hosts off and on (ocaml/xapi/xapi_host.ml). */
import { xapiDate } from '../database/xapi-date.ts'
import { assertReachable, isAway, setAway } from '../hosts/away.ts'
import { guestsOn, haltGuests, setLive } from '../hosts/host-life.ts'
import { hostsOf } from '../hosts/pool-hosts.ts'
import { type Call, type MessageTable, type Refstring, XapiFailure } from '../pool.ts'
import { createBlob } from './blob.ts'
import { noteFreeMemory } from './domain.ts'
import { count, flag, map, text, texts } from './fields.ts'
import type { ClassPart } from './tables.ts'
import { freeMemory } from './vm-facts.ts'
import { assertCanRun, assertEnoughMemory } from './vm-placement.ts'

/** Runs a message that only needs the host to be there. */
function forHost<T>(give: (call: Call, host: Refstring) => T) {
  return (call: Call, host: Refstring): T => {
    call.pool.db.get('host', host)
    return give(call, host)
  }
}

const nothing = forHost(() => undefined)

/** Where each guest of a host could go; those that can go nowhere, with the reason. */
function evacuationPlan({ pool }: Call, host: Refstring): { moves: Map<Refstring, Refstring>; staying: Map<Refstring, string> } {
  const moves = new Map<Refstring, Refstring>()
  const staying = new Map<Refstring, string>()
  for (const vm of guestsOn(pool, host)) {
    const others = pool.db.refs('host').filter((other) => other !== host)
    const place = others.find((other) => {
      try {
        assertCanRun(pool, vm, other)
        assertEnoughMemory(pool, vm, other)
        return !isAway(pool.db, other)
      } catch (error) {
        if (!(error instanceof XapiFailure)) throw error
        if (!staying.has(vm)) staying.set(vm, [error.code, ...error.params].join(','))
        return false
      }
    })
    if (place !== undefined) moves.set(vm, place)
    if (place !== undefined || others.length > 0) continue
    staying.set(vm, 'NO_HOSTS_AVAILABLE')
  }
  for (const vm of moves.keys()) staying.delete(vm)
  return { moves, staying }
}

function assertCanEvacuate(call: Call, host: Refstring): Map<Refstring, Refstring> {
  const { moves, staying } = evacuationPlan(call, host)
  if (staying.size > 0)
    throw new XapiFailure(
      'CANNOT_EVACUATE_HOST',
      [...staying].map(([vm, reason]) => (reason === 'NO_HOSTS_AVAILABLE' ? `${reason}:${vm}` : `${reason.split(',')[0]}:${vm}`)),
    )
  return moves
}

async function evacuate(call: Call, host: Refstring): Promise<undefined> {
  for (const [vm, place] of assertCanEvacuate(call, host)) await call.pool.invoke('VM.pool_migrate', vm, place, {})
}

function setEnabled(value: boolean) {
  return forHost(({ pool }, host) => {
    pool.db.update('host', host, { enabled: value })
    return undefined
  })
}

function managementInterface({ pool }: Call, host: Refstring): Refstring {
  const found = texts(pool.db.get('host', host), 'PIFs').find((pif) => flag(pool.db.get('PIF', pif), 'management'))
  if (found === undefined) throw new XapiFailure('INTERNAL_ERROR', ['Failure("no management interface")'])
  return found
}

function createHostBlob(call: Call, host: Refstring, name: string, mimeType: string, isPublic = false): Refstring {
  const blobs = map(call.pool.db.get('host', host), 'blobs')
  const blob = createBlob(call, { mimeType, isPublic })
  call.pool.db.update('host', host, { blobs: { ...blobs, [name]: blob } })
  return blob
}

/**
 * Switching a host off or booting it anew needs it disabled and without guests. It is done a moment later: the answer is out by then. A
 * host that was shut down comes back by host.power_on, or by the control address of the lab.
 */
function powerOff(again: boolean) {
  return (call: Call, host: Refstring): undefined => {
    const { pool } = call
    if (flag(pool.db.get('host', host), 'enabled')) throw new XapiFailure('HOST_NOT_DISABLED')
    const [guest] = guestsOn(pool, host)
    if (guest !== undefined) throw new XapiFailure('HOST_IN_USE', [host, 'VM', guest])
    assertReachable(pool.db, host)
    const hosts = hostsOf(pool)
    if (!hosts) throw new XapiFailure('NOT_IMPLEMENTED', ['this pool has no servers'])
    hosts.soon(async () => {
      await hosts.stop(host, { clean: true })
      if (again) await hosts.start(host)
    })
  }
}

/** HOST_IS_LIVE for one that answers; the master never is another. */
function assertDead({ pool }: Call, host: Refstring): void {
  pool.db.get('host', host)
  if (!isAway(pool.db, host) || host === pool.refs.host) throw new XapiFailure('HOST_IS_LIVE', [host])
}

/** Says that a host is off for good: its VMs can then be started elsewhere. */
function declareDead(call: Call, host: Refstring): undefined {
  assertDead(call, host)
  haltGuests(call.pool, host)
  setLive(call.pool, host, false)
  call.pool.db.update('host', host, { enabled: false })
}

/** What was the host's goes with its record; an SR that only it saw is left without a PBD (destroy, and db_gc_util.ml). */
function destroyHost(call: Call, host: Refstring): undefined {
  assertDead(call, host)
  const { db, refs } = call.pool
  if (flag(db.get('pool', refs.pool), 'ha_enabled')) throw new XapiFailure('HA_IS_ENABLED')
  if (guestsOn(call.pool, host).length > 0) throw new XapiFailure('HOST_HAS_RESIDENT_VMS', [host])
  const row = db.get('host', host)
  for (const vm of texts(row, 'resident_VMs')) db.delete('VM', vm)
  for (const pbd of texts(row, 'PBDs')) db.delete('PBD', pbd)
  for (const pif of texts(row, 'PIFs')) db.delete('PIF', pif)
  for (const certificate of texts(row, 'certificates')) db.delete('Certificate', certificate)
  if (db.find('host_metrics', text(row, 'metrics'))) db.delete('host_metrics', text(row, 'metrics'))
  db.delete('host', host)
  setAway(db, host, false)
}

async function powerOn(call: Call, host: Refstring): Promise<undefined> {
  assertDead(call, host)
  await hostsOf(call.pool)?.start(host)
}

function serverCertificate({ pool }: Call, host: Refstring): string {
  assertReachable(pool.db, host)
  return hostsOf(pool)?.find(host)?.certificate.cert ?? pool.certificate.cert
}

/** Beside `host.set_*` and getters, which the dispatcher makes from the fields. */
const messages: MessageTable = {
  'host.get_server_certificate': forHost(serverCertificate),
  'host.get_servertime': forHost(({ pool }) => xapiDate(pool.now())),
  'host.get_server_localtime': forHost(({ pool }) => xapiDate(pool.now())),
  'host.get_ntp_synchronized': forHost(() => true),
  'host.get_ntp_servers_status': forHost(() => ({})),
  'host.list_timezones': forHost(() => ['UTC']),
  'host.get_tracked_user_agents': forHost(() => ({})),
  'host.get_sched_gran': forHost(() => 'cpu'),
  'host.compute_free_memory': forHost(({ pool }, host) => freeMemory(pool, host)),
  'host.compute_memory_overhead': forHost(({ pool }, host) => count(pool.db.get('host', host), 'memory_overhead')),
  'host.get_management_interface': managementInterface,
  'host.get_system_status_capabilities': forHost(() => '<?xml version="1.0" ?>\n<system-status-capabilities/>'),
  'host.has_extension': forHost(() => false),
  'host.call_extension': (_call, _host: Refstring, name: string) => {
    throw new XapiFailure('MESSAGE_METHOD_UNKNOWN', [name])
  },
  'host.call_plugin': (_call, _host: Refstring, plugin: string) => {
    throw new XapiFailure('XENAPI_MISSING_PLUGIN', [plugin])
  },
  'host.create_new_blob': createHostBlob,
  'host.enable': setEnabled(true),
  'host.disable': setEnabled(false),
  'host.assert_can_evacuate': (call, host: Refstring) => {
    assertCanEvacuate(call, host)
    return undefined
  },
  'host.evacuate': evacuate,
  'host.get_vms_which_prevent_evacuation': (call, host: Refstring) =>
    Object.fromEntries([...evacuationPlan(call, host).staying].map(([vm, reason]) => [vm, reason.split(',')])),
  'host.get_uncooperative_resident_VMs': forHost(() => []),
  'host.shutdown': powerOff(false),
  'host.reboot': powerOff(true),
  'host.power_on': powerOn,
  'host.declare_dead': declareDead,
  'host.get_data_sources': forHost(() => []),
  'host.get_log': forHost(() => ''),
  'host.dmesg': forHost(() => ''),
  'host.dmesg_clear': forHost(() => ''),
  // The toolstack keeps running: a restart would look the same to a client that reconnects.
  'host.restart_agent': nothing,
  'host.backup_rrds': nothing,
  'host.sync_data': nothing,
  'host.syslog_reconfigure': nothing,
  'host.refresh_pack_info': nothing,
  'host.rescan_drivers': nothing,
  'host.enable_ssh': forHost(({ pool }, host) => {
    pool.db.update('host', host, { ssh_enabled: true })
    return undefined
  }),
  'host.disable_ssh': forHost(({ pool }, host) => {
    pool.db.update('host', host, { ssh_enabled: false })
    return undefined
  }),
  'host.set_hostname_live': (call, host: Refstring, hostname: string) => {
    if (!/^[A-Za-z0-9]([A-Za-z0-9.-]{0,253}[A-Za-z0-9])?$/.test(hostname))
      throw new XapiFailure('HOST_NAME_INVALID', ['hostname is invalid'])
    call.pool.db.update('host', host, { hostname })
    return undefined
  },
  'host.set_power_on_mode': (call, host: Refstring, mode: string, config: Readonly<Record<string, string>>) => {
    call.pool.db.update('host', host, { power_on_mode: mode, power_on_config: config })
    return undefined
  },
  'host.destroy': destroyHost,
}

/** What a live host accepts; switching it off only while it is disabled (ocaml/xapi/xapi_host_helpers.ml). */
const ALWAYS = ['provision', 'evacuate', 'vm_start', 'vm_resume', 'vm_migrate', 'apply_updates']

export const hostPart: ClassPart = {
  messages,
  prepare(pool) {
    pool.db.derive('host', 'allowed_operations', (_ref, row) =>
      flag(row, 'enabled') ? [...ALWAYS] : [...ALWAYS, 'shutdown', 'reboot', 'enable'],
    )
    for (const host of pool.db.refs('host')) noteFreeMemory(pool, host)
  },
}
