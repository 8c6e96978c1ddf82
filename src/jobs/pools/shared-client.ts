/** A connected client that many use at once. One that is retired is closed when its last user is done: a run is not cut off. */
import type { ConnectedPool } from './connect-pool.ts'

export class SharedClient {
  readonly connected: ConnectedPool
  #users = 0
  #retired = false
  #closing: Promise<void> | undefined

  readonly #onClosed: () => void

  constructor(connected: ConnectedPool, onClosed: () => void) {
    this.connected = connected
    this.#onClosed = onClosed
  }

  async use<T>(use: (xapi: ConnectedPool['xapi']) => Promise<T>): Promise<T> {
    this.#users++
    try {
      return await use(this.connected.xapi)
    } finally {
      this.#users--
      if (this.#retired && this.#users === 0) void this.close()
    }
  }

  /** Nobody new comes. */
  retire(): void {
    this.#retired = true
    if (this.#users === 0) void this.close()
  }

  /** Logs out, whoever uses it. Never rejects. */
  close(): Promise<void> {
    this.#retired = true
    this.#closing ??= this.connected.xapi
      .close()
      .catch(() => undefined)
      .finally(this.#onClosed)
    return this.#closing
  }
}
