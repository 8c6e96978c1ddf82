import type { ErrorArea } from './entry.ts'

/** Who asks, and whether they may. */
export const ACCESS = {
  NOT_SIGNED_IN: {
    title: 'the request came without a session or token that is good',
    cause: 'a session ends after 12 hours without use and after 7 days, a token at its end, both when their user is disabled',
    hint: 'sign in again, or make a new token',
    status: 401,
  },
  SIGN_IN_FAILED: {
    title: 'no user has this name and password',
    hint: 'try again; on the machine of the server, understudy server reset-admin makes a way in',
    status: 401,
  },
  SIGN_IN_LIMITED: {
    title: 'too many sign-ins failed',
    hint: 'wait for as long as the header Retry-After says',
    status: 429,
  },
  NOT_ALLOWED: {
    title: 'the role of this user or token does not allow that',
    hint: 'ask an administrator',
    status: 403,
  },
  CSRF_MISSING: {
    title: 'a change by a browser session came without its X-CSRF-Token, or with another one',
    hint: 'send what GET /api/v1/me has as csrf, or use a token',
    status: 403,
  },
  CROSS_SITE: {
    title: 'a page of another site made this request',
    hint: 'use the page of the server itself, or a token from a program',
    status: 403,
  },
  WRONG_HOST: {
    title: 'the request names a host that this server is not known by',
    cause: 'it guards against pages that point their own name at this address',
    hint: 'use the address that the server printed, or start it with --public-name NAME',
    status: 421,
  },
  LINK_INVALID: {
    title: 'this link was used already, or its time is over',
    hint: 'make a new one on the machine of the server: understudy server reset-admin',
    status: 403,
  },
  PASSWORD_WEAK: {
    title: 'the password is too easy to guess',
    hint: 'take at least 12 characters that are not the name',
    status: 422,
  },
  USER_NOT_FOUND: { title: 'there is no such user', hint: 'look it up with understudy user list', status: 404 },
  USER_EXISTS: { title: 'a user of this name exists already', hint: 'take another name', status: 409 },
  LAST_ADMINISTRATOR: {
    title: 'nobody would be left who can administer the server',
    hint: 'make another user an administrator first',
    status: 409,
  },
  TOKEN_NOT_FOUND: { title: 'there is no such token', hint: 'look it up with understudy token list', status: 404 },
  TOKEN_BEYOND: {
    title: 'a token can do no more, and lives no longer, than who makes it',
    hint: 'ask for a lesser role or an earlier end',
    status: 403,
  },
} as const satisfies ErrorArea

/** The request itself. */
export const REQUESTS = {
  BODY_UNREADABLE: { title: 'the body of the request is no JSON', hint: 'send JSON with Content-Type: application/json', status: 400 },
  INPUT_INVALID: { title: 'the request says something that can not be', hint: 'correct the fields that are named', status: 422 },
  BODY_TOO_LARGE: { title: 'the body of the request is too large', hint: 'send less at once', status: 413 },
  MEDIA_TYPE: { title: 'the body of the request is of a type that is not read', hint: 'send Content-Type: application/json', status: 415 },
  NO_SUCH_ADDRESS: { title: 'the API has nothing at this address', hint: 'see /api/v1/docs for what there is', status: 404 },
  IDEMPOTENCY_MISMATCH: {
    title: 'this Idempotency-Key was used for another request',
    hint: 'take a new key for each new request',
    status: 422,
  },
  IDEMPOTENCY_UNDER_WAY: {
    title: 'the first request with this Idempotency-Key is still under way',
    hint: 'wait a moment, then ask again with the same key',
    status: 409,
  },
  TLS_UNUSABLE: {
    title: "the server's certificate can't be used",
    hint: 'give a certificate and its key as PEM files (--tls-cert, --tls-key) that the server may read',
    status: 500,
  },
  SERVER_BUSY: { title: 'the server has too much of this to do at once', hint: 'try again in a few seconds', status: 503 },
  UNEXPECTED: {
    title: 'something went wrong in the server that nobody planned for',
    hint: 'look for the request id in the log of the server, and report it',
    status: 500,
  },
} as const satisfies ErrorArea
