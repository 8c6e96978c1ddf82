/** Every error as a problem document (RFC 9457): our code, what it means, what to do, a link into the documentation. */
import { STATUS_CODES } from 'node:http'
import Type from 'typebox'
import { type ErrorCode, errorEntry, isErrorCode } from '../core/errors/registry.ts'
import { Failure } from '../core/failure.ts'
import { closed } from './schema/forms.ts'

export const PROBLEM_TYPE = 'application/problem+json'

export const problemSchema = closed(
  {
    type: Type.String({ description: 'where the documentation explains the code' }),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: 'stable; see docs/errors.md' }),
    detail: Type.String(),
    hint: Type.String({ description: 'what to do about it' }),
    request: Type.String({ description: 'id of the request, as in the log of the server' }),
    errors: Type.Optional(
      Type.Array(closed({ field: Type.String(), message: Type.String() }), {
        description: 'of INPUT_INVALID: what is wrong with which field',
      }),
    ),
  },
  { title: 'Problem' },
)

export interface FieldError {
  /** `schedules[0].timing.minutes`; empty: the whole. */
  readonly field: string
  readonly message: string
}

export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: ErrorCode
  readonly detail: string
  readonly hint: string
  readonly request: string
  readonly errors?: readonly FieldError[]
}

/** INPUT_INVALID with its fields. */
export class InputInvalid extends Failure {
  readonly errors: readonly FieldError[]
  constructor(errors: readonly FieldError[]) {
    super('INPUT_INVALID', errors.map(({ field, message }) => (field === '' ? message : `${field} ${message}`)).join('; '))
    this.errors = errors
  }
}

export function problemOf(error: unknown, request: string): Problem {
  const failure = failureOf(error)
  const { title, status } = errorEntry(failure.code)
  return {
    type: `/docs/errors.md#${failure.code}`,
    title,
    status,
    code: failure.code,
    detail: failure.message,
    hint: failure.hint,
    request,
    ...(failure instanceof InputInvalid ? { errors: failure.errors } : {}),
  }
}

/** Errors of Fastify's by their codes, those of other rooms that carry a code of ours, everything else as what nobody planned for. */
function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error
  if (!(error instanceof Error)) return new Failure('UNEXPECTED', 'something was thrown that is no error')
  const { code, statusCode, hint } = error as Error & { readonly code?: unknown; readonly statusCode?: number; readonly hint?: unknown }
  if (typeof code === 'string' && isErrorCode(code)) {
    return new Failure(code, error.message, typeof hint === 'string' ? hint : undefined, error)
  }
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new Failure('BODY_TOO_LARGE', 'the body of the request is too large', undefined, error)
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new Failure('MEDIA_TYPE', 'the body of the request is not application/json', undefined, error)
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new Failure('BODY_UNREADABLE', 'the body of the request is no JSON', undefined, error)
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new Failure(
      statusCode === 404 ? 'NO_SUCH_ADDRESS' : 'BODY_UNREADABLE',
      STATUS_CODES[statusCode] ?? 'the request',
      undefined,
      error,
    )
  }
  // Its message may hold anything; it goes to the log only.
  return new Failure('UNEXPECTED', 'something went wrong in the server', undefined, error)
}
