/**
 * The one-time link by which somebody at the machine becomes an administrator: at the first start, and after `understudy server
 * reset-admin`. Its hash is in a file of the data folder, so that a server that runs takes one which another process made: who can
 * write there can do everything anyway. Only the newest is good, for a day, once.
 */
import { chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hashOf, newSecret, sameText } from './credentials.ts'

const FILE = 'setup-link.json'
export const SETUP_LINK_MS = 24 * 3_600_000

interface Stored {
  readonly hash: string
  readonly expiresAt: number
}

/** What the link carries; nothing else can be read back. */
export function makeSetupLink(folder: string, now: number): string {
  const secret = newSecret()
  const file = join(folder, FILE)
  writeFileSync(`${file}.new`, JSON.stringify({ hash: hashOf(secret), expiresAt: now + SETUP_LINK_MS } satisfies Stored), { mode: 0o600 })
  chmodSync(`${file}.new`, 0o600)
  renameSync(`${file}.new`, file)
  return secret
}

/** Uses the link up. False when it is another one, was used, or its time is over. */
export function takeSetupLink(folder: string, secret: string, now: number): boolean {
  const file = join(folder, FILE)
  let stored: Stored
  try {
    stored = JSON.parse(readFileSync(file, 'utf8')) as Stored
    if (!sameText(String(stored.hash), hashOf(secret)) || !(stored.expiresAt > now)) return false
    // Of two who come at once, this fails for one.
    rmSync(file)
    return true
  } catch {
    return false
  }
}
