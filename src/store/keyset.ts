/** Pages by the key of their last row: as fast at the end of a long list as at its beginning, and steady while rows come and go. */
import type { Page, PageRequest } from '../core/control/page.ts'
import { Failure } from '../core/failure.ts'

const DEFAULT_LIMIT = 100
const MAX_LIMIT = 500

/** Key of a row in a list: a number that orders (a time), and an id that tells equal ones apart. */
export interface Key {
  readonly at: number
  readonly id: string
}

export function pageLimit({ limit = DEFAULT_LIMIT }: PageRequest): number {
  return Math.min(Math.max(Math.trunc(limit), 1), MAX_LIMIT)
}

/** Throws Failure CURSOR_INVALID. */
export function keyAfter({ after }: PageRequest): Key | undefined {
  if (after === undefined) return undefined
  try {
    const [at, id] = JSON.parse(Buffer.from(after, 'base64url').toString()) as [unknown, unknown]
    if (Number.isSafeInteger(at) && typeof id === 'string' && cursorOf({ at: at as number, id }) === after) return { at: at as number, id }
  } catch {
    // as below
  }
  throw new Failure('CURSOR_INVALID', `\`after\` is no place in this list: ${JSON.stringify(after.slice(0, 100))}`)
}

/** Of `limit + 1` rows, so that it is known whether more come. */
export function pageOf<Row, Item>(rows: readonly Row[], limit: number, key: (row: Row) => Key, item: (row: Row) => Item): Page<Item> {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return { items: shown.map(item), next: rows.length > limit && last !== undefined ? cursorOf(key(last)) : null }
}

/** Newest first, of lists that are so each: the newest `count` of all. */
export function mergeNewest<Row>(lists: readonly (readonly Row[])[], count: number, key: (row: Row) => Key): Row[] {
  const all = lists.flat().sort((a, b) => {
    const [one, other] = [key(a), key(b)]
    return other.at - one.at || (one.id < other.id ? 1 : one.id > other.id ? -1 : 0)
  })
  return all.slice(0, count)
}

function cursorOf({ at, id }: Key): string {
  return Buffer.from(JSON.stringify([at, id])).toString('base64url')
}
