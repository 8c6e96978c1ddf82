import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from './options.ts'

export const systemClock: Clock = {
  now: () => Date.now(),
  async sleep(milliseconds, signal) {
    await delay(milliseconds, undefined, { signal }).catch(() => signal.throwIfAborted())
  },
}
