/** Blobs: opaque files beside objects (ocaml/xapi/xapi_blob.ml). Their bytes would travel over /blob, which a lab pool does not serve. */
import { xapiDate } from '../database/xapi-date.ts'
import type { Call, MessageTable, Refstring } from '../pool.ts'
import type { ClassPart } from './tables.ts'

export function createBlob({ pool }: Call, { mimeType, isPublic }: { mimeType: string; isPublic: boolean }): Refstring {
  const type = mimeType === '' ? 'application/octet-stream' : mimeType
  return pool.db.create('blob', { mime_type: type, public: isPublic, size: 0, last_updated: xapiDate(pool.now()) })
}

const messages: MessageTable = {
  'blob.create': (call, mimeType: string, isPublic = false) => createBlob(call, { mimeType, isPublic }),
  'blob.destroy': ({ pool }, blob: Refstring) => {
    pool.db.get('blob', blob)
    pool.db.delete('blob', blob)
    return undefined
  },
}

export const blobPart: ClassPart = { messages }
