/** The stored passwords: sealed when they are stored, opened when they are used, sealed anew when the key is rotated. */
import { existsSync, renameSync, rmSync } from 'node:fs'
import type { Transaction } from 'kysely'
import { Failure } from '../../core/failure.ts'
import type { Store } from '../open-store.ts'
import type { Tables } from '../schema.ts'
import { type KeySource, keySource, parseKey, readKey, readKeyFile, replaceKeyFile, writeNewKeyFile } from './key-source.ts'
import { keyIdOf, newSecretKey, open, type SecretKey, seal, wrongKey } from './seal.ts'

/** Tables whose column `secret` is sealed; a row's id names the owner. */
const SEALED_TABLES = ['pools', 'channels'] as const
/** A text sealed with the key in use, by which it is recognised before anything is opened or stored. */
const KEY_CHECK = 'key_check'

export interface SecretOwner {
  readonly table: (typeof SEALED_TABLES)[number]
  readonly id: string
}

export interface Secrets {
  /** Id of the key in use; tells nothing of the key. */
  readonly keyId: string
  /** In the transaction that stores it, so that the key can't be rotated in between. */
  seal(db: Transaction<Tables>, owner: SecretOwner, secret: string): string
  /** Throws Failure SECRET_DAMAGED, KEY_WRONG. */
  open(owner: SecretOwner, sealed: string): string
  /**
   * Makes a new key and seals everything with it, at once. Killed at any instant, the next start finds either key in its place. A key in
   * the environment can't be replaced by us: then the new one is in `env.UNDERSTUDY_NEW_KEY`, and has to stand in UNDERSTUDY_KEY from then
   * on. How many secrets it were.
   */
  rotate(): Promise<number>
}

/**
 * Finds the key and tries it. At the first start a key file is made. Throws Failure KEY_UNUSABLE (not to be read, or by everybody),
 * KEY_MISSING, KEY_WRONG; nothing is changed then.
 */
export async function openSecrets(store: Store, env: Readonly<Record<string, string | undefined>> = process.env): Promise<Secrets> {
  if (store.folder === undefined && !env.UNDERSTUDY_KEY) return secretsWith(store, undefined, newSecretKey(), env)
  const source = keySource(store.folder ?? '', env)
  const check = await readKeyCheck(store)
  const key = findKey(source, check)
  if (check === undefined) await store.transaction((db) => writeKeyCheck(db, key), { durable: true })
  return secretsWith(store, source, key, env)
}

const nextOf = (file: string): string => `${file}.next`

function findKey(source: KeySource, check: string | undefined): SecretKey {
  const next = source.kind === 'file' && existsSync(nextOf(source.file)) ? nextOf(source.file) : undefined
  const key = readKey(source)
  if (key === undefined && check !== undefined && next === undefined) {
    throw new Failure('KEY_MISSING', `the key that the stored passwords were encrypted with is missing (its id is ${keyIdOf(check)})`)
  }
  if (check === undefined) {
    if (key) return key
    const made = newSecretKey()
    if (source.kind === 'file') writeNewKeyFile(source.file, made)
    return made
  }
  if (key?.id === keyIdOf(check)) {
    open([key], KEY_CHECK, check)
    // A rotation that was killed before it happened.
    if (next !== undefined) rmSync(next, { force: true })
    return key
  }
  if (next !== undefined && source.kind === 'file') {
    const rotated = readKeyFile(next)
    if (rotated.id === keyIdOf(check)) {
      open([rotated], KEY_CHECK, check)
      // One that was killed after it happened, and before the file was put in its place.
      renameSync(next, source.file)
      return rotated
    }
  }
  throw wrongKey(keyIdOf(check))
}

function secretsWith(
  store: Store,
  source: KeySource | undefined,
  first: SecretKey,
  env: Readonly<Record<string, string | undefined>>,
): Secrets {
  let key = first
  return {
    get keyId() {
      return key.id
    },
    seal: (_db, owner, secret) => seal(key, ownerName(owner), secret),
    open: (owner, sealed) => open([key], ownerName(owner), sealed),
    async rotate() {
      const before = key
      const after = source?.kind === 'environment' ? newKeyOf(env) : newSecretKey()
      if (source?.kind === 'file') writeNextKey(source.file, after)
      let count: number
      try {
        count = await store.transaction(
          async (db) => {
            const sealed = await sealAll(db, before, after)
            await writeKeyCheck(db, after)
            key = after
            return sealed
          },
          { durable: true },
        )
      } catch (error) {
        // The file beside stays: the next start tells by the database whether it is needed.
        key = before
        throw error
      }
      if (source?.kind === 'file') {
        replaceKeyFile(source.file, after)
        rmSync(nextOf(source.file), { force: true })
      }
      return count
    },
  }
}

async function sealAll(db: Transaction<Tables>, before: SecretKey, after: SecretKey): Promise<number> {
  let count = 0
  for (const table of SEALED_TABLES) {
    const rows = await db.selectFrom(table).select(['id', 'secret']).where('secret', 'is not', null).execute()
    for (const { id, secret } of rows) {
      if (secret === null) continue
      const owner = ownerName({ table, id })
      await db
        .updateTable(table)
        .set({ secret: seal(after, owner, open([before], owner, secret)) })
        .where('id', '=', id)
        .execute()
      count++
    }
  }
  return count
}

function writeNextKey(file: string, key: SecretKey): void {
  try {
    rmSync(nextOf(file), { force: true })
    writeNewKeyFile(nextOf(file), key)
  } catch (error) {
    throw new Failure(
      'KEY_UNUSABLE',
      `the new key can't be written beside ${file}: ${(error as Error).message}`,
      'make the folder writable for the server; nothing was changed',
      error,
    )
  }
}

function newKeyOf(env: Readonly<Record<string, string | undefined>>): SecretKey {
  const text = env.UNDERSTUDY_NEW_KEY
  if (text) return parseKey(text, 'UNDERSTUDY_NEW_KEY')
  throw new Failure(
    'KEY_UNUSABLE',
    'the key comes from the environment, where no new one can be put by the server',
    'set UNDERSTUDY_NEW_KEY to a new one (openssl rand -base64 32), rotate, then set UNDERSTUDY_KEY to it',
  )
}

const ownerName = ({ table, id }: SecretOwner): string => `${table}/${id}/secret`

async function readKeyCheck(store: Store): Promise<string | undefined> {
  return (await store.db.selectFrom('meta').select('value').where('key', '=', KEY_CHECK).executeTakeFirst())?.value
}

async function writeKeyCheck(db: Transaction<Tables>, key: SecretKey): Promise<void> {
  const value = seal(key, KEY_CHECK, 'understudy')
  await db
    .insertInto('meta')
    .values({ key: KEY_CHECK, value })
    .onConflict((on) => on.column('key').doUpdateSet({ value }))
    .execute()
}
