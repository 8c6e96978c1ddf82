/** Bulk handlers as routes: they own the socket, and the connection always closes after them. */
import type { BulkRequest, LabPool, Refstring } from '../pool.ts'
import { bulkRequest, type Route } from './server.ts'

export interface BulkHandler {
  readonly method: 'GET' | 'PUT' | 'POST'
  /** Prefix; the longest wins. */
  readonly path: string
  /** Throws ReplyPage to end with a page of its choice; anything else thrown appends the page of status 500. */
  handle(pool: LabPool, request: BulkRequest): Promise<void>
}

/** `host`: the one that is reached by these routes. */
export function bulkRoutes(pool: LabPool, handlers: readonly BulkHandler[], host?: Refstring): Route[] {
  return handlers.map(({ method, path, handle }) => ({
    method,
    path,
    async handle(head, wire) {
      try {
        await handle(pool, pool.faults.tapBulk(pool, bulkRequest(head, wire, host), wire))
      } finally {
        pool.db.commit()
      }
      return 'close'
    },
  }))
}
