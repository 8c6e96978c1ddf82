/**
 * Passwords at rest: AES-256-GCM. A sealed secret is text, `v1.KEY.NONCE.DATA`: the key's id, and in base64url the nonce and the ciphertext
 * with its tag. What the secret belongs to is authenticated with it: moved to another row, it can't be opened.
 */
import { createCipheriv, createDecipheriv, hash, randomBytes } from 'node:crypto'
import { Failure } from '../../core/failure.ts'

const VERSION = 'v1'
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16

export interface SecretKey {
  /** Tells keys apart, and tells nothing of the key. */
  readonly id: string
  readonly bytes: Buffer
}

/** Of 32 random bytes. */
export function secretKey(bytes: Buffer): SecretKey {
  if (bytes.length !== KEY_BYTES) throw new RangeError(`a key has ${KEY_BYTES} bytes`)
  return { id: hash('sha256', Buffer.concat([Buffer.from('understudy key id\0'), bytes]), 'hex').slice(0, 16), bytes }
}

export const newSecretKey = (): SecretKey => secretKey(randomBytes(KEY_BYTES))

/** @param owner what the secret belongs to, such as `pools/ID/secret` */
export function seal(key: SecretKey, owner: string, secret: string): string {
  // A random nonce of 96 bits is good for billions of secrets under one key; there are dozens.
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key.bytes, nonce, { authTagLength: TAG_BYTES }).setAAD(associated(key.id, owner))
  const data = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()])
  return [VERSION, key.id, nonce.toString('base64url'), data.toString('base64url')].join('.')
}

/** With whichever of the keys it was sealed with. Throws Failure KEY_WRONG or SECRET_DAMAGED. */
export function open(keys: readonly SecretKey[], owner: string, sealed: string): string {
  const id = keyIdOf(sealed)
  const key = keys.find((one) => one.id === id)
  if (!key) throw wrongKey(id)
  const [, , nonce = '', text = ''] = sealed.split('.')
  const data = Buffer.from(text, 'base64url')
  try {
    const decipher = createDecipheriv('aes-256-gcm', key.bytes, Buffer.from(nonce, 'base64url'), { authTagLength: TAG_BYTES })
    decipher.setAAD(associated(id, owner)).setAuthTag(data.subarray(-TAG_BYTES))
    return Buffer.concat([decipher.update(data.subarray(0, -TAG_BYTES)), decipher.final()]).toString('utf8')
  } catch {
    // What OpenSSL says of it tells nobody more.
    throw damaged()
  }
}

/** Id of the key that a secret was sealed with. */
export function keyIdOf(sealed: string): string {
  const [version, id, ...rest] = sealed.split('.')
  if (version !== VERSION || id === undefined || rest.length !== 2) throw damaged()
  return id
}

export function wrongKey(id: string): Failure {
  return new Failure('KEY_WRONG', `the stored passwords were encrypted with another key (its id is ${id})`)
}

function damaged(): Failure {
  return new Failure('SECRET_DAMAGED', 'a stored password can not be decrypted: it was altered, or moved from elsewhere in the database')
}

function associated(keyId: string, owner: string): Buffer {
  return Buffer.from(`${VERSION}\0${keyId}\0${owner}`)
}
