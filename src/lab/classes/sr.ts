/** Messages of SR (xen-api ocaml/xapi/xapi_sr.ml). */
import { randomUUID } from 'node:crypto'
import { isAway } from '../hosts/away.ts'
import type { Call, MessageTable, Refstring, Row, Value } from '../pool.ts'
import { XapiFailure } from '../pool.ts'
import { assertPlugged, isPlugged, knownTypes } from '../storage/driver-features.ts'
import { backendFailure } from '../storage/failures.ts'
import { storageManagerOf } from '../storage/manager.ts'
import { scanSr } from '../storage/scan.ts'
import { flag, map, text } from './fields.ts'
import type { ClassPart } from './tables.ts'

type Config = Readonly<Record<string, string>>

function assertKnownType(type: string): void {
  if (!knownTypes.includes(type)) throw new XapiFailure('SR_UNKNOWN_DRIVER', [type])
}

function assertUnplugged(call: Call, sr: Refstring): void {
  if (isPlugged(call.pool.db, sr)) throw new XapiFailure('SR_HAS_PBD', [sr])
}

function assertDestructible(row: Row, sr: Refstring): void {
  if (map(row, 'other_config').indestructible === 'true') throw new XapiFailure('SR_INDESTRUCTIBLE', [sr])
}

function create(
  call: Call,
  host: Refstring,
  device_config: Config,
  physical_size: number,
  name_label: string,
  name_description: string,
  type: string,
  content_type: string,
  shared: boolean,
  sm_config: Config = {},
): Refstring {
  const { db } = call.pool
  db.get('host', host)
  assertKnownType(type)
  const fields = { name_label, name_description, type, content_type, shared, sm_config, physical_size: Math.max(0, physical_size) }
  const sr = db.create('SR', { uuid: randomUUID(), ...fields })
  // A shared one gets a PBD on every host (xapi_sr.ml, create).
  const hosts = shared ? [host, ...db.refs('host').filter((other) => other !== host)] : [host]
  for (const one of hosts) db.create('PBD', { host: one, SR: sr, device_config, currently_attached: !isAway(db, one) })
  return sr
}

function introduce(
  call: Call,
  uuid: string,
  name_label: string,
  name_description: string,
  type: string,
  content_type: string,
  shared: boolean,
  sm_config: Config = {},
): Refstring {
  assertKnownType(type)
  const { db } = call.pool
  if (uuid !== '' && db.byUuid('SR', uuid) !== undefined) throw new XapiFailure('SR_UUID_EXISTS', [uuid])
  return db.create('SR', { uuid: uuid === '' ? randomUUID() : uuid, name_label, name_description, type, content_type, shared, sm_config })
}

/** Records of the SR, its disks and its PBDs go; what it holds stays where it is. */
function removeRecords(call: Call, sr: Refstring): void {
  const { db } = call.pool
  const row = db.get('SR', sr)
  for (const vdi of row.VDIs as readonly Refstring[]) {
    for (const vbd of db.get('VDI', vdi).VBDs as readonly Refstring[]) db.delete('VBD', vbd)
    db.delete('VDI', vdi)
  }
  for (const pbd of row.PBDs as readonly Refstring[]) db.delete('PBD', pbd)
  db.delete('SR', sr)
}

function destroy(call: Call, sr: Refstring): undefined {
  const { db } = call.pool
  const row = db.get('SR', sr)
  assertUnplugged(call, sr)
  assertDestructible(row, sr)
  const manager = storageManagerOf(call.pool)
  const images = manager.images.ofSr(text(row, 'uuid'))
  if (images.some((image) => !image.hidden)) throw new XapiFailure('SR_NOT_EMPTY', [sr])
  for (const image of images) {
    manager.images.remove(image.uuid)
    manager.dropNode(image.node)
  }
  for (const log of manager.logs.all()) if (log.sr === row.uuid) manager.dropLog(manager.logs.removeOnly(log.uuid))
  removeRecords(call, sr)
  manager.commit()
  return undefined
}

function set(field: 'name_label' | 'name_description' | 'shared' | 'physical_size') {
  return (call: Call, sr: Refstring, value: Value): undefined => {
    call.pool.db.update('SR', sr, { [field]: value })
    return undefined
  }
}

/** What needs a cluster, a metadata VDI or a metrics daemon, none of which a simulated pool has. */
function unsupported(call: Call, sr: Refstring): never {
  call.pool.db.get('SR', sr)
  throw new XapiFailure('SR_OPERATION_NOT_SUPPORTED', [sr])
}

const srMessages: MessageTable = {
  'SR.create': create,
  'SR.introduce': introduce,
  'SR.make': () => {
    throw new XapiFailure('MESSAGE_DEPRECATED')
  },
  'SR.destroy': destroy,
  'SR.forget': (call, sr: Refstring) => {
    call.pool.db.get('SR', sr)
    assertUnplugged(call, sr)
    removeRecords(call, sr)
    return undefined
  },
  'SR.scan': (call, sr: Refstring) => {
    const { db } = call.pool
    db.get('SR', sr)
    assertPlugged(db, sr)
    scanSr(storageManagerOf(call.pool), sr)
    return undefined
  },
  'SR.update': (call, sr: Refstring) => {
    const { db } = call.pool
    assertPlugged(db, sr)
    storageManagerOf(call.pool).refreshSr(text(db.get('SR', sr), 'uuid'))
    return undefined
  },
  'SR.set_name_label': set('name_label'),
  'SR.set_name_description': set('name_description'),
  'SR.set_physical_size': set('physical_size'),
  'SR.set_shared': (call, sr: Refstring, value: boolean) => {
    const row = call.pool.db.get('SR', sr)
    if (!value && flag(row, 'shared') && (row.PBDs as readonly Refstring[]).length > 1) throw new XapiFailure('SR_HAS_MULTIPLE_PBDS', [sr])
    return set('shared')(call, sr, value)
  },
  'SR.get_supported_types': () => [...knownTypes],
  'SR.probe': (call, host: Refstring, _config: Config, type: string) => {
    call.pool.db.get('host', host)
    assertKnownType(type)
    return '<?xml version="1.0" ?>\n<SRlist>\n</SRlist>\n'
  },
  'SR.probe_ext': (call, host: Refstring, _config: Config, type: string) => {
    call.pool.db.get('host', host)
    assertKnownType(type)
    return []
  },
  'SR.assert_can_host_ha_statefile': (call, sr: Refstring) => {
    if (!flag(call.pool.db.get('SR', sr), 'shared')) throw new XapiFailure('SR_NOT_SHARABLE', [sr])
    return undefined
  },
  'SR.assert_supports_database_replication': (call, sr: Refstring) => {
    assertPlugged(call.pool.db, sr)
    return undefined
  },
  'SR.enable_database_replication': unsupported,
  'SR.disable_database_replication': unsupported,
  'SR.create_new_blob': unsupported,
  'SR.get_data_sources': (call, sr: Refstring) => {
    call.pool.db.get('SR', sr)
    return []
  },
  'SR.query_data_source': (_call, _sr: Refstring, name: string) => {
    throw backendFailure(1200, 'No such data source', name)
  },
  'SR.record_data_source': (_call, _sr: Refstring, name: string) => {
    throw backendFailure(1200, 'No such data source', name)
  },
  'SR.forget_data_source_archives': (call, sr: Refstring) => {
    call.pool.db.get('SR', sr)
    return undefined
  },
}

export const srPart: ClassPart = { messages: srMessages }
