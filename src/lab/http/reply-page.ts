/** Ways for a handler to end a request: with a page of its own choice, or silently. Anything else thrown gives the page of status 500. */
import { forbidden, internalError, unauthorised } from './pages.ts'

type Kind = 'unauthorised' | 'forbidden' | 'internal error' | 'silent'

/**
 * Thrown by a handler. `unauthorised`: 401, `text` is the realm; `forbidden`: 403; `internal error`: 500 with `text` in the page;
 * `silent`: the connection just closes, as when the other side ended it too early.
 */
export class ReplyPage extends Error {
  readonly kind: Kind
  readonly text: string
  constructor(kind: Kind, text = '') {
    super(`${kind} ${text}`.trim())
    this.name = 'ReplyPage'
    this.kind = kind
    this.text = text
  }
}

/** The page for what a handler threw; undefined: none. */
export function pageOf(error: unknown, version: 'HTTP/1.0' | 'HTTP/1.1'): string | undefined {
  if (error instanceof ReplyPage) {
    switch (error.kind) {
      case 'unauthorised':
        return unauthorised(version, error.text)
      case 'forbidden':
        return forbidden(version)
      case 'silent':
        return undefined
      case 'internal error':
        return internalError(version, error.text)
      default:
        return error.kind satisfies never
    }
  }
  return internalError(version, error instanceof Error ? error.message : undefined)
}
