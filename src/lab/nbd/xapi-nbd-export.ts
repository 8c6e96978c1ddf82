/** From an export's name to an attached disk, as xapi-nbd does it (xen-api `ocaml/nbd/src/main.ml`). */
import { type Attachment, type LabPool, type Refstring, XapiFailure } from '../pool.ts'
import { sessionsOf } from '../session/sessions.ts'

/**
 * Attaches what `/<uuid of a VDI>?session_id=<session>` names to the control domain of the host. XapiFailure when the session is not good, the
 * disk unknown or not to be attached: the client is told nothing of it, it is hung up on.
 */
export async function openExport(pool: LabPool, exportName: string, host?: Refstring): Promise<Attachment> {
  const [path = '', query = ''] = exportName.split('?', 2)
  const session = new URLSearchParams(query).get('session_id') ?? ''
  sessionsOf(pool).check(session)
  const uuid = decodeURIComponent(path).slice(1)
  const vdi = pool.db.byUuid('VDI', uuid)
  if (vdi === undefined) throw new XapiFailure('UUID_INVALID', ['VDI', uuid])
  return pool.storage.attach(vdi, 'RO', 'xapi-nbd', host)
}
