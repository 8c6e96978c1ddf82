import type { ErrorArea } from './entry.ts'

/** Pools that the server knows. */
export const REGISTERED_POOLS = {
  POOL_UNKNOWN: { title: 'no pool is registered under this id', hint: 'list the pools (understudy pool list)', status: 404 },
  POOL_KNOWN: {
    title: 'this pool is registered already',
    cause: 'every host of a pool leads to the same pool',
    hint: 'use the one that is registered, or change its address there',
    status: 409,
  },
  POOL_IN_USE: { title: 'a job names this pool', hint: 'change or remove the jobs named, then remove the pool', status: 409 },
  POOL_REPLACED: {
    title: 'another pool answers at the address of this one',
    cause: 'the host was reinstalled, or left its pool and is one of its own now',
    hint: 'give this pool the address of one of its hosts; register the other one as a pool of its own',
    status: 409,
  },
  POOL_AWAY: {
    title: 'nothing was ever seen of this pool',
    hint: 'see its state (understudy pool list); it is tried again all the time',
    status: 503,
  },
  POOL_DISABLED: { title: 'the pool is disabled', hint: 'enable it', status: 409 },
  POOL_UNEXPECTED: {
    title: 'something happened with this pool that nobody foresaw',
    hint: 'it is tried again; report what it says',
    status: 500,
  },
  POOL_PASSWORD_NEEDED: {
    title: 'the stored password is not sent to another address with another certificate',
    hint: 'type the password as well',
    status: 422,
  },
  FINGERPRINT_INVALID: {
    title: 'this is no SHA-256 fingerprint',
    hint: 'give 64 hexadecimal digits, colons between them or not',
    status: 422,
  },
} as const satisfies ErrorArea
