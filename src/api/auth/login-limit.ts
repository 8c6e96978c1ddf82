/**
 * Slows down who guesses passwords. Failures are counted three ways, each in a bucket that empties with time: per name and network (somebody
 * tries one account), per network (one machine tries many accounts), per name (many machines try one account). The last one would let a
 * stranger lock out the owner, so networks from which that name signed in before have only their own buckets. Pure: time is an argument.
 */

export interface LoginLimits {
  readonly perNameAndNetwork: number
  readonly perNetwork: number
  readonly perName: number
  /** In which a full bucket empties. */
  readonly windowMs: number
}

export const LOGIN_LIMITS: LoginLimits = { perNameAndNetwork: 5, perNetwork: 20, perName: 30, windowMs: 15 * 60_000 }

const REMEMBERED = 20_000

interface Bucket {
  level: number
  at: number
}

export class LoginLimiter {
  readonly #limits: LoginLimits
  readonly #buckets = new Map<string, Bucket>()
  readonly #known = new Set<string>()

  constructor(limits: LoginLimits = LOGIN_LIMITS) {
    this.#limits = limits
  }

  /** Milliseconds until a try is allowed; 0: now. A try that is allowed counts as a failure until `succeeded`. */
  attempt(name: string, address: string, now: number): number {
    const buckets = this.#bucketsFor(name, address)
    const wait = Math.max(...buckets.map(([key, size]) => this.#wait(key, size, now)))
    if (wait > 0) return wait
    for (const [key, size] of buckets) this.#fill(key, size, now)
    return 0
  }

  /** Gives back what the attempt took, and no more: one right password must not buy a guesser new tries at other names. */
  succeeded(name: string, address: string): void {
    const network = networkOf(address)
    for (const [key] of this.#bucketsFor(name, address)) {
      const bucket = this.#buckets.get(key)
      if (bucket) bucket.level = Math.max(0, bucket.level - 1)
    }
    remember(this.#known, pair(name, network))
    this.#buckets.delete(`pair ${pair(name, network)}`)
  }

  #bucketsFor(name: string, address: string): (readonly [key: string, size: number])[] {
    const network = networkOf(address)
    const own = [
      [`pair ${pair(name, network)}`, this.#limits.perNameAndNetwork],
      [`network ${network}`, this.#limits.perNetwork],
    ] as const
    return this.#known.has(pair(name, network)) ? [...own] : [...own, [`name ${name.toLowerCase()}`, this.#limits.perName]]
  }

  #level(key: string, size: number, now: number): number {
    const bucket = this.#buckets.get(key)
    if (bucket === undefined) return 0
    // A clock that goes backwards gives nothing away.
    return Math.max(0, bucket.level - (Math.max(0, now - bucket.at) * size) / this.#limits.windowMs)
  }

  #wait(key: string, size: number, now: number): number {
    const over = this.#level(key, size, now) + 1 - size
    return over <= 1e-9 ? 0 : Math.ceil((over * this.#limits.windowMs) / size)
  }

  #fill(key: string, size: number, now: number): void {
    const level = this.#level(key, size, now) + 1
    // The newest is last, so that the oldest is forgotten first.
    this.#buckets.delete(key)
    this.#buckets.set(key, { level, at: now })
    const [oldest] = this.#buckets.keys()
    if (this.#buckets.size > REMEMBERED && oldest !== undefined) this.#buckets.delete(oldest)
  }
}

const pair = (name: string, network: string) => `${name.toLowerCase()} ${network}`

function remember(set: Set<string>, key: string): void {
  set.delete(key)
  set.add(key)
  const [oldest] = set
  if (set.size > REMEMBERED && oldest !== undefined) set.delete(oldest)
}

/** Whoever has an IPv6 address has the 2^64 beside it as well. */
export function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '')
  if (!plain.includes(':')) return plain
  const [head = '', tail] = plain.toLowerCase().split('%')[0]!.split('::')
  const first = head === '' ? [] : head.split(':')
  const last = tail === undefined || tail === '' ? [] : tail.split(':')
  const groups = tail === undefined ? first : [...first, ...Array<string>(Math.max(0, 8 - first.length - last.length)).fill('0'), ...last]
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}
