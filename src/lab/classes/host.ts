/** Host messages: what administrators' tools ask first, and what a pool of one simulated host can do (ocaml/xapi/xapi_host.ml). */
import { xapiDate } from '../database/xapi-date.ts'
import { type Call, type MessageTable, type Refstring, XapiFailure } from '../pool.ts'
import { createBlob } from './blob.ts'
import { noteFreeMemory } from './domain.ts'
import { count, flag, map, texts } from './fields.ts'
import type { ClassPart } from './tables.ts'
import { freeMemory } from './vm-facts.ts'

/** Runs a message that only needs the host to be there. */
function forHost<T>(give: (call: Call, host: Refstring) => T) {
  return (call: Call, host: Refstring): T => {
    call.pool.db.get('host', host)
    return give(call, host)
  }
}

const nothing = forHost(() => undefined)

/** VMs with a domain, the control domain apart. */
function guestsOn({ pool }: Call, host: Refstring): Refstring[] {
  return texts(pool.db.get('host', host), 'resident_VMs').filter((vm) => !flag(pool.db.get('VM', vm), 'is_control_domain'))
}

/** There is no other host to go to. */
function assertCanEvacuate(call: Call, host: Refstring): undefined {
  const staying = guestsOn(call, host)
  if (staying.length > 0)
    throw new XapiFailure(
      'CANNOT_EVACUATE_HOST',
      staying.map((vm) => `NO_HOSTS_AVAILABLE:${vm}`),
    )
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

/** Switching a host off needs it disabled and without guests; a lab host then stays as it is, since nothing would bring it back. */
function powerOff(call: Call, host: Refstring): undefined {
  if (flag(call.pool.db.get('host', host), 'enabled')) throw new XapiFailure('HOST_NOT_DISABLED')
  if (guestsOn(call, host).length > 0) throw new XapiFailure('HOST_IN_USE', [host, 'VM', guestsOn(call, host)[0] ?? ''])
  throw new XapiFailure('NOT_IMPLEMENTED', ['a simulated host can not be switched off'])
}

/** Beside `host.set_*` and getters, which the dispatcher makes from the fields. */
const messages: MessageTable = {
  'host.get_server_certificate': forHost(({ pool }) => pool.certificate.cert),
  'host.get_servertime': forHost(({ pool }) => xapiDate(pool.now())),
  'host.get_server_localtime': forHost(({ pool }) => xapiDate(pool.now())),
  'host.get_ntp_synchronized': forHost(() => true),
  'host.get_ntp_servers_status': forHost(() => ({})),
  'host.list_timezones': forHost(() => ['UTC']),
  'host.get_tracked_user_agents': forHost(() => ({})),
  'host.get_sched_gran': forHost(() => 'cpu'),
  'host.compute_free_memory': forHost(({ pool }) => freeMemory(pool)),
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
  'host.assert_can_evacuate': assertCanEvacuate,
  'host.evacuate': assertCanEvacuate,
  'host.get_vms_which_prevent_evacuation': (call, host: Refstring) =>
    Object.fromEntries(guestsOn(call, host).map((vm) => [vm, ['NO_HOSTS_AVAILABLE']])),
  'host.get_uncooperative_resident_VMs': forHost(() => []),
  'host.shutdown': powerOff,
  'host.reboot': powerOff,
  'host.power_on': (_call, host: Refstring) => {
    throw new XapiFailure('HOST_IS_LIVE', [host])
  },
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
  'host.destroy': (_call, host: Refstring) => {
    throw new XapiFailure('HOST_IS_LIVE', [host])
  },
}

/** What a live host accepts; switching it off only while it is disabled (ocaml/xapi/xapi_host_helpers.ml). */
const ALWAYS = ['provision', 'evacuate', 'vm_start', 'vm_resume', 'vm_migrate', 'apply_updates']

export const hostPart: ClassPart = {
  messages,
  prepare(pool) {
    pool.db.derive('host', 'allowed_operations', (_ref, row) =>
      flag(row, 'enabled') ? [...ALWAYS] : [...ALWAYS, 'shutdown', 'reboot', 'enable'],
    )
    noteFreeMemory(pool)
  },
}
