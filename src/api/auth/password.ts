/** Passwords as Argon2id in PHC format (`$argon2id$v=19$m=19456,t=2,p=1$salt$hash`), by OWASP's parameters (Password Storage Cheat Sheet). */
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { Failure } from '../../core/failure.ts'

export interface HashCost {
  readonly memoryKib: number
  readonly passes: number
  readonly lanes: number
}

export const HASH_COST: HashCost = { memoryKib: 19_456, passes: 2, lanes: 1 }
const SALT_BYTES = 16
const HASH_BYTES = 32
/** Each takes memory and a thread of libuv's few: a flood of sign-ins must leave some for transfers. */
const AT_ONCE = 2
const WAITING = 32

let running = 0
const waiting: (() => void)[] = []

/** SERVER_BUSY when too many are waited for. */
async function derive(password: string, salt: Buffer, cost: HashCost): Promise<Buffer> {
  if (running >= AT_ONCE) {
    if (waiting.length >= WAITING) throw new Failure('SERVER_BUSY', 'too many passwords are being checked')
    await new Promise<void>((go) => waiting.push(go))
  } else running += 1
  try {
    return await new Promise<Buffer>((resolve, reject) => {
      const parameters = {
        message: Buffer.from(password.normalize('NFKC'), 'utf8'),
        nonce: salt,
        parallelism: cost.lanes,
        tagLength: HASH_BYTES,
        memory: cost.memoryKib,
        passes: cost.passes,
      }
      argon2('argon2id', parameters, (error, hash) => (error ? reject(error) : resolve(hash)))
    })
  } finally {
    const next = waiting.shift()
    if (next) next()
    else running -= 1
  }
}

export async function hashPassword(password: string, cost: HashCost = HASH_COST): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const hash = await derive(password, salt, cost)
  return `$argon2id$v=19$m=${cost.memoryKib},t=${cost.passes},p=${cost.lanes}$${unpadded(salt)}$${unpadded(hash)}`
}

export interface PasswordCheck {
  readonly right: boolean
  /** Right, but hashed by weaker parameters than are used now: hash it anew. */
  readonly outdated: boolean
}

/** What can't be understood as a hash is a wrong password. */
export async function checkPassword(password: string, phc: string, cost: HashCost = HASH_COST): Promise<PasswordCheck> {
  const parts = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([\w+/-]+)\$([\w+/-]+)$/.exec(phc)
  if (parts === null) return { right: false, outdated: false }
  const [, memory, passes, lanes, salt, hash] = parts as unknown as [string, string, string, string, string, string]
  const stored: HashCost = { memoryKib: Number(memory), passes: Number(passes), lanes: Number(lanes) }
  const wanted = Buffer.from(hash, 'base64')
  const made = await derive(password, Buffer.from(salt, 'base64'), stored)
  const right = made.length === wanted.length && timingSafeEqual(made, wanted)
  return { right, outdated: right && (stored.memoryKib < cost.memoryKib || stored.passes < cost.passes) }
}

const unpadded = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '')

/** PASSWORD_WEAK. Length is what counts (NIST SP 800-63B); what is asked beyond that only refuses what nobody should take. */
export function refuseWeakPassword(password: string, name: string): void {
  const hint = (text: string) => new Failure('PASSWORD_WEAK', text)
  if ([...password].length < 12) throw hint('the password has fewer than 12 characters')
  if (new Set(password.toLowerCase()).size < 5) throw hint('the password is made of fewer than 5 different characters')
  const rest = password.toLowerCase().replaceAll(name.toLowerCase(), '')
  if (rest.length < 8) throw hint('the password is hardly more than the name')
}
