/** Secrets that we make: values of session cookies, API tokens, one-time links. Only their SHA-256 is kept: they are too long to guess. */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

export const TOKEN_PREFIX = 'usy_'

export const newSecret = (): string => randomBytes(32).toString('base64url')
export const newToken = (): string => `${TOKEN_PREFIX}${newSecret()}`
export const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex')

/** What a page has to send with each change of a session: made of the cookie's value, which a page of another site can neither read nor guess. */
export const csrfOf = (cookie: string): string => createHmac('sha256', cookie).update('understudy csrf').digest('base64url')

export function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
