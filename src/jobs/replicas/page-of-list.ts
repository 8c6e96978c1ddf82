/** Pages of a list that is in memory. */
import type { Page, PageRequest } from '../../core/control/page.ts'
import { Failure } from '../../core/failure.ts'

/** `key` is unique. A place whose item has gone meanwhile is an error, like any that was never handed out. */
export function pageOfList<T>(items: readonly T[], { limit = 100, after }: PageRequest, key: (item: T) => string): Page<T> {
  const count = Math.min(Math.max(Math.trunc(limit), 1), 500)
  let start = 0
  if (after !== undefined) {
    const place = Buffer.from(after, 'base64url').toString()
    start = items.findIndex((item) => key(item) === place) + 1
    if (start === 0) throw new Failure('CURSOR_INVALID', `\`after\` is no place in this list: ${JSON.stringify(after.slice(0, 100))}`)
  }
  const page = items.slice(start, start + count)
  const last = page.at(-1)
  return { items: page, next: start + count < items.length && last !== undefined ? Buffer.from(key(last)).toString('base64url') : null }
}
