/** Where the key is that passwords are encrypted with: in a file of the data folder, or where the environment says. */

import { randomUUID } from 'node:crypto'
import { closeSync, existsSync, fstatSync, fsyncSync, linkSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Failure } from '../../core/failure.ts'
import { type SecretKey, secretKey } from './seal.ts'

export const KEY_FILE = 'secrets.key'

export type KeySource =
  | { readonly kind: 'file'; readonly file: string; readonly ours: boolean }
  | { readonly kind: 'environment'; readonly text: string }

/** UNDERSTUDY_KEY (the key itself), UNDERSTUDY_KEY_FILE, else the file in the data folder, which is made when it is missing. */
export function keySource(folder: string, env: Readonly<Record<string, string | undefined>>): KeySource {
  if (env.UNDERSTUDY_KEY && env.UNDERSTUDY_KEY_FILE) {
    throw new Failure(
      'KEY_UNUSABLE',
      'both UNDERSTUDY_KEY and UNDERSTUDY_KEY_FILE are set: which one holds the key?',
      'set only one of them',
    )
  }
  if (env.UNDERSTUDY_KEY) return { kind: 'environment', text: env.UNDERSTUDY_KEY }
  if (env.UNDERSTUDY_KEY_FILE) return { kind: 'file', file: env.UNDERSTUDY_KEY_FILE, ours: false }
  return { kind: 'file', file: join(folder, KEY_FILE), ours: true }
}

/** Throws Failure KEY_UNUSABLE; undefined: the file of the data folder does not exist (yet). */
export function readKey(source: KeySource): SecretKey | undefined {
  if (source.kind === 'environment') return parseKey(source.text, 'UNDERSTUDY_KEY')
  if (source.ours && !existsSync(source.file)) return undefined
  return readKeyFile(source.file)
}

export function readKeyFile(file: string): SecretKey {
  let text: string
  try {
    const handle = openSync(file, 'r')
    try {
      const { mode } = fstatSync(handle)
      if ((mode & 0o077) !== 0) {
        throw new Failure(
          'KEY_UNUSABLE',
          `the key in ${file} can be read by others (mode ${(mode & 0o777).toString(8)})`,
          `chmod 600 ${file}; when others may have read it, rotate the key as well (understudy server rotate-key)`,
        )
      }
      text = readFileSync(handle, 'utf8')
    } finally {
      closeSync(handle)
    }
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure('KEY_UNUSABLE', `the key file ${file} can't be read: ${(error as Error).message}`, undefined, error)
  }
  return parseKey(text, file)
}

/** Makes a key file that did not exist; fails when it does. On the disk before this returns: what is sealed with it is lost without it. */
export function writeNewKeyFile(file: string, key: SecretKey): void {
  const part = writePart(file, key)
  try {
    linkSync(part, file)
    syncFolder(file)
  } finally {
    rmSync(part, { force: true })
  }
}

/** Puts a key in the place of another one, at once. */
export function replaceKeyFile(file: string, key: SecretKey): void {
  renameSync(writePart(file, key), file)
  syncFolder(file)
}

function writePart(file: string, key: SecretKey): string {
  const part = `${file}.${randomUUID().slice(0, 8)}.part`
  const handle = openSync(part, 'wx', 0o600)
  try {
    writeSync(handle, `${formatKey(key)}\n`)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
  return part
}

function syncFolder(file: string): void {
  const handle = openSync(dirname(file), 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

export const formatKey = (key: SecretKey): string => key.bytes.toString('base64')

/** 32 bytes in base64 (as `openssl rand -base64 32` makes them) or hexadecimal. */
export function parseKey(text: string, where: string): SecretKey {
  const word = text.trim()
  const bytes = /^[0-9a-f]{64}$/i.test(word) ? Buffer.from(word, 'hex') : Buffer.from(word, 'base64')
  if (bytes.length !== 32 || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(word)) {
    throw new Failure('KEY_UNUSABLE', `${where} holds no key: 32 bytes in base64 or hexadecimal are expected`)
  }
  return secretKey(bytes)
}
