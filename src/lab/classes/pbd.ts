/** Messages of PBD (xen-api ocaml/xapi/xapi_pbd.ml). */
import { assertReachable } from '../hosts/away.ts'
import type { MessageTable, Refstring, Row } from '../pool.ts'
import { XapiFailure } from '../pool.ts'
import { storageManagerOf } from '../storage/manager.ts'
import { scanSr } from '../storage/scan.ts'
import { flag, map, text } from './fields.ts'
import type { ClassPart } from './tables.ts'

const pbdMessages: MessageTable = {
  'PBD.create': (call, fields: Row) => {
    const { db } = call.pool
    const [host, sr] = [text(fields, 'host'), text(fields, 'SR')]
    db.get('host', host)
    for (const pbd of db.get('SR', sr).PBDs as readonly Refstring[]) {
      if (db.get('PBD', pbd).host === host) throw new XapiFailure('PBD_EXISTS', [sr, host, pbd])
    }
    const config = { device_config: map(fields, 'device_config'), other_config: map(fields, 'other_config') }
    return db.create('PBD', { host, SR: sr, ...config, currently_attached: false })
  },
  'PBD.destroy': (call, pbd: Refstring) => {
    const { db } = call.pool
    if (flag(db.get('PBD', pbd), 'currently_attached')) throw new XapiFailure('OPERATION_NOT_ALLOWED', ['PBD is currently attached'])
    db.delete('PBD', pbd)
    return undefined
  },
  'PBD.plug': (call, pbd: Refstring) => {
    const { db } = call.pool
    const row = db.get('PBD', pbd)
    const sr = db.get('SR', text(row, 'SR'))
    if (flag(row, 'currently_attached')) return undefined
    assertReachable(db, text(row, 'host'))
    db.update('PBD', pbd, { currently_attached: true })
    db.touch('SR', text(row, 'SR'))
    if (text(sr, 'content_type') !== 'iso') scanSr(storageManagerOf(call.pool), text(row, 'SR'))
    return undefined
  },
  'PBD.unplug': (call, pbd: Refstring) => {
    const { db } = call.pool
    const row = db.get('PBD', pbd)
    if (!flag(row, 'currently_attached')) return undefined
    assertReachable(db, text(row, 'host'))
    const sr = text(row, 'SR')
    // Only what is attached on that host counts (get_active_vdis_by_pbd).
    const isHere = (vbd: Row) => db.find('VM', text(vbd, 'VM'))?.resident_on === row.host
    for (const vdi of db.get('SR', sr).VDIs as readonly Refstring[]) {
      const vbds = (db.get('VDI', vdi).VBDs as readonly Refstring[]).map((vbd) => db.get('VBD', vbd))
      if (vbds.some((vbd) => flag(vbd, 'currently_attached') && isHere(vbd))) throw new XapiFailure('VDI_IN_USE', [vdi, 'unplug'])
    }
    db.update('PBD', pbd, { currently_attached: false })
    db.touch('SR', sr)
    return undefined
  },
  'PBD.set_device_config': (call, pbd: Refstring, value: Readonly<Record<string, string>>) => {
    call.pool.db.update('PBD', pbd, { device_config: value })
    return undefined
  },
}

export const pbdPart: ClassPart = { messages: pbdMessages }
