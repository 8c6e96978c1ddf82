/** Physical interfaces of the host and VLANs on them (ocaml/xapi/xapi_pif.ml, xapi_vlan.ml). */
import { isIPv4 } from 'node:net'
import { xapiDate } from '../database/xapi-date.ts'
import { type Call, type MessageTable, type Refstring, XapiFailure } from '../pool.ts'
import { count, flag, isNullRef, text, texts } from './fields.ts'
import type { ClassPart } from './tables.ts'

interface NewVlan {
  readonly tagged: Refstring
  readonly tag: number
  readonly network: Refstring
}

/** A tagged interface on a network of its own; gives the VLAN. Its untagged PIF is what carries the network. */
function createVlan(call: Call, { tagged, tag, network }: NewVlan): Refstring {
  const { pool } = call
  const { db } = pool
  const base = db.get('PIF', tagged)
  db.get('network', network)
  const host = text(base, 'host')
  if (tag < 0 || tag > 4094) throw new XapiFailure('VLAN_TAG_INVALID', [String(tag)])
  if (count(base, 'VLAN') >= 0) throw new XapiFailure('PIF_IS_VLAN', [tagged])
  const same = db.refs('PIF').some((ref) => {
    const pif = db.get('PIF', ref)
    return text(pif, 'host') === host && text(pif, 'device') === text(base, 'device') && count(pif, 'VLAN') === tag
  })
  if (same) throw new XapiFailure('PIF_VLAN_EXISTS', [tagged])
  const taken = texts(db.get('network', network), 'PIFs').find((ref) => text(db.get('PIF', ref), 'host') === host)
  if (taken !== undefined) throw new XapiFailure('NETWORK_ALREADY_CONNECTED', [host, taken])
  const untagged = db.create('PIF', {
    device: text(base, 'device'),
    network,
    host,
    MAC: text(base, 'MAC'),
    MTU: count(db.get('network', network), 'MTU'),
    VLAN: tag,
    physical: false,
    managed: true,
    currently_attached: true,
    metrics: db.create('PIF_metrics', { carrier: true, last_updated: xapiDate(pool.now()) }),
  })
  const vlan = db.create('VLAN', { tagged_PIF: tagged, untagged_PIF: untagged, tag })
  db.update('PIF', untagged, { VLAN_master_of: vlan })
  return vlan
}

function destroyVlan(call: Call, vlan: Refstring): undefined {
  const { db } = call.pool
  const untagged = text(db.get('VLAN', vlan), 'untagged_PIF')
  const pif = db.find('PIF', untagged)
  if (pif) {
    if (flag(pif, 'management')) throw new XapiFailure('PIF_IS_MANAGEMENT_INTERFACE', [untagged])
    if (db.find('PIF_metrics', text(pif, 'metrics'))) db.delete('PIF_metrics', text(pif, 'metrics'))
    db.delete('PIF', untagged)
  }
  db.delete('VLAN', vlan)
}

function untaggedOf(call: Call, vlan: Refstring): Refstring {
  return text(call.pool.db.get('VLAN', vlan), 'untagged_PIF')
}

function pifByDevice({ pool: { db } }: Call, host: Refstring, device: string): Refstring {
  const found = texts(db.get('host', host), 'PIFs').find((ref) => {
    const pif = db.get('PIF', ref)
    return text(pif, 'device') === device && count(pif, 'VLAN') < 0
  })
  if (found === undefined)
    throw new XapiFailure('COULD_NOT_FIND_NETWORK_INTERFACE_WITH_SPECIFIED_DEVICE_NAME_AND_MAC_ADDRESS', [device, ''])
  return found
}

function setPlugged(call: Call, pif: Refstring, plugged: boolean): undefined {
  const { db } = call.pool
  const row = db.get('PIF', pif)
  if (!plugged) {
    if (flag(row, 'management')) throw new XapiFailure('PIF_IS_MANAGEMENT_INTERFACE', [pif])
    if (flag(row, 'disallow_unplug')) throw new XapiFailure('PIF_DOES_NOT_ALLOW_UNPLUG', [pif])
  }
  db.update('PIF', pif, { currently_attached: plugged })
}

function destroy(call: Call, pif: Refstring): undefined {
  const vlan = text(call.pool.db.get('PIF', pif), 'VLAN_master_of')
  if (isNullRef(vlan)) throw new XapiFailure('PIF_IS_PHYSICAL', [pif])
  destroyVlan(call, vlan)
}

/** The address that the database tells; nothing listens anywhere else because of it. */
function reconfigureIp(call: Call, pif: Refstring, mode: string, ip: string, netmask: string, gateway: string, dns: string): undefined {
  call.pool.db.get('PIF', pif)
  const isStatic = mode === 'Static'
  if (isStatic && !isIPv4(ip)) throw new XapiFailure('INVALID_IP_ADDRESS_SPECIFIED', ['IP'])
  if (isStatic && !isIPv4(netmask)) throw new XapiFailure('INVALID_IP_ADDRESS_SPECIFIED', ['netmask'])
  const address = isStatic ? { IP: ip, netmask, gateway } : { IP: '', netmask: '', gateway: '' }
  call.pool.db.update('PIF', pif, { ip_configuration_mode: mode, DNS: dns, ...address })
}

export const pifPart: ClassPart = {
  messages: {
    'PIF.create_VLAN': (call, device: string, network: Refstring, host: Refstring, tag: number) =>
      untaggedOf(call, createVlan(call, { tagged: pifByDevice(call, host, device), tag, network })),
    'PIF.destroy': destroy,
    'PIF.plug': (call, pif: Refstring) => setPlugged(call, pif, true),
    'PIF.unplug': (call, pif: Refstring) => setPlugged(call, pif, false),
    'PIF.reconfigure_ip': reconfigureIp,
    'PIF.scan': (call, host: Refstring) => {
      call.pool.db.get('host', host)
      return undefined
    },
    'VLAN.create': (call, tagged: Refstring, tag: number, network: Refstring) => createVlan(call, { tagged, tag, network }),
    'VLAN.destroy': destroyVlan,
    'pool.create_VLAN': (call, device: string, network: Refstring, tag: number) => {
      const tagged = call.pool.db.refs('host').map((host) => pifByDevice(call, host, device))
      return tagged.map((pif) => untaggedOf(call, createVlan(call, { tagged: pif, tag, network })))
    },
    'pool.create_VLAN_from_PIF': (call, tagged: Refstring, network: Refstring, tag: number) => [
      untaggedOf(call, createVlan(call, { tagged, tag, network })),
    ],
  } satisfies MessageTable,
}
