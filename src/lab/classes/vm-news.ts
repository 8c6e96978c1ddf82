/** Messages that the toolstack leaves about what happened to a VM (ocaml/xapi-consts/api_messages.ml): information, priority 5. */
import type { Call, Refstring } from '../pool.ts'
import { text } from './fields.ts'
import { leaveMessage } from './message.ts'

const INFORMATION = 5

/** `what` completes the sentence that begins with the VM's name. Where the VM runs is added by itself after `on host`. */
export function tellAbout(call: Call, vm: Refstring, name: string, what: string): void {
  const { pool } = call
  const row = pool.db.find('VM', vm)
  if (!row) return
  const host = pool.db.find('host', text(row, 'resident_on')) ?? pool.db.get('host', pool.refs.host)
  const place = what.endsWith('on host') ? `: ${text(host, 'name_label')} (uuid: ${text(host, 'uuid')})` : ''
  const body = `VM '${text(row, 'name_label')}' (uuid: ${text(row, 'uuid')}) ${what}${place}`
  leaveMessage(pool, { name, priority: INFORMATION, cls: 'VM', obj_uuid: text(row, 'uuid'), body })
}
