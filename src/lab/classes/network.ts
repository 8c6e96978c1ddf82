/** Networks and their purposes (ocaml/xapi/xapi_network.ml). */
import { type Call, type MessageTable, type Refstring, type Row, XapiFailure } from '../pool.ts'
import { createBlob } from './blob.ts'
import { constructorFields } from './constructor-fields.ts'
import { count, flag, map, text, texts } from './fields.ts'
import type { ClassPart } from './tables.ts'
import { deleteDevice } from './vm-destroy.ts'
import { isTrue } from './vm-facts.ts'

const DEFAULTS: Row = { name_label: '', name_description: '', MTU: 1500, bridge: '', managed: true, tags: [] }
/** Beginnings of names that interfaces of other kinds have. */
const RESERVED = ['xen', 'xapi', 'vif', 'tap', 'eth']

function create(call: Call, given: Row): Refstring {
  const { db } = call.pool
  const fields = constructorFields('network', given, DEFAULTS)
  const bridges = db.refs('network').map((ref) => text(db.get('network', ref), 'bridge'))
  let bridge = text(fields, 'bridge')
  if (bridge === '') {
    let number = 0
    while (bridges.includes(`xapi${number}`)) number += 1
    bridge = `xapi${number}`
  } else {
    // Names that the toolstack itself gives (an import of a VM) are trusted.
    const trusted = call.session === ''
    if (!trusted && (bridge.length > 15 || RESERVED.some((prefix) => bridge.startsWith(prefix))))
      throw new XapiFailure('INVALID_VALUE', ['bridge', bridge])
    if (bridges.includes(bridge)) throw new XapiFailure('BRIDGE_NAME_EXISTS', [bridge])
  }
  const mtu = count(fields, 'MTU')
  return db.create('network', { ...fields, bridge, MTU: mtu <= 0 ? 1500 : mtu, default_locking_mode: 'unlocked' })
}

function destroy(call: Call, network: Refstring): undefined {
  const { db } = call.pool
  const row = db.get('network', network)
  const vifs = texts(row, 'VIFs')
  const connected = vifs.filter((vif) => flag(db.get('VIF', vif), 'currently_attached'))
  if (connected.length > 0) throw new XapiFailure('NETWORK_CONTAINS_VIF', connected)
  const pifs = texts(row, 'PIFs')
  if (pifs.length > 0) throw new XapiFailure('NETWORK_CONTAINS_PIF', pifs)
  if (isTrue(map(row, 'other_config').is_host_internal_management_network))
    throw new XapiFailure('CANNOT_DESTROY_SYSTEM_NETWORK', [network])
  for (const vif of vifs) deleteDevice(call.pool, 'VIF', vif)
  db.delete('network', network)
}

/** NBD with and without TLS exclude each other in the whole pool. */
const CONFLICTS: Readonly<Record<string, string>> = { nbd: 'insecure_nbd', insecure_nbd: 'nbd' }

function addPurpose(call: Call, network: Refstring, purpose: string): undefined {
  const { db } = call.pool
  const row = db.get('network', network)
  if (!flag(row, 'managed')) throw new XapiFailure('NETWORK_UNMANAGED', [network])
  const current = texts(row, 'purpose')
  if (current.includes(purpose)) return
  const conflict = CONFLICTS[purpose]
  const used = (ref: Refstring) => conflict !== undefined && texts(db.get('network', ref), 'purpose').includes(conflict)
  if (conflict !== undefined && db.refs('network').some(used)) throw new XapiFailure('NETWORK_INCOMPATIBLE_PURPOSES', [purpose, conflict])
  db.update('network', network, { purpose: [purpose, ...current] })
}

function removePurpose(call: Call, network: Refstring, purpose: string): undefined {
  const current = texts(call.pool.db.get('network', network), 'purpose')
  call.pool.db.update('network', network, { purpose: current.filter((one) => one !== purpose) })
}

function setDefaultLockingMode(call: Call, network: Refstring, value: string): undefined {
  const { db } = call.pool
  const attached = texts(db.get('network', network), 'VIFs').find((vif) => flag(db.get('VIF', vif), 'currently_attached'))
  if (attached !== undefined) throw new XapiFailure('VIF_IN_USE', [network, attached])
  db.update('network', network, { default_locking_mode: value })
}

function createNetworkBlob(call: Call, network: Refstring, name: string, mimeType: string, isPublic = false): Refstring {
  const blobs = map(call.pool.db.get('network', network), 'blobs')
  const blob = createBlob(call, { mimeType, isPublic })
  call.pool.db.update('network', network, { blobs: { ...blobs, [name]: blob } })
  return blob
}

export const networkPart: ClassPart = {
  messages: {
    'network.create': create,
    'network.destroy': destroy,
    'network.add_purpose': addPurpose,
    'network.remove_purpose': removePurpose,
    'network.set_default_locking_mode': setDefaultLockingMode,
    'network.create_new_blob': createNetworkBlob,
  } satisfies MessageTable,
}
