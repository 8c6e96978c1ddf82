/** Tells streams that are open for hours when what let them in has ended: a logout, a token that was revoked, a user that was disabled. */
import type { Principal } from './principal.ts'

export type Ended = { readonly session: string } | { readonly token: string } | { readonly user: string; readonly exceptSession?: string }

export class Endings {
  readonly #open = new Map<Principal, () => void>()

  /** `close` is called once at most. Gives back what calls it off. */
  watch(who: Principal, close: () => void): () => void {
    // Its own object: a principal may be watched by several streams.
    const own = { ...who }
    this.#open.set(own, close)
    return () => this.#open.delete(own)
  }

  ended(what: Ended): void {
    for (const [who, close] of this.#open) {
      if (!concerns(what, who)) continue
      this.#open.delete(who)
      close()
    }
  }

  get size(): number {
    return this.#open.size
  }
}

function concerns(what: Ended, who: Principal): boolean {
  if ('session' in what) return who.kind === 'session' && who.idHash === what.session
  if ('token' in what) return who.kind === 'token' && who.token.id === what.token
  return who.user.id === what.user && !(who.kind === 'session' && who.idHash === what.exceptSession)
}
