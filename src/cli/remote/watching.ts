/** Lists that stay on the screen and follow what happens. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../../core/failure.ts'
import type { ServerEvent } from '../../jobs/control-plane.ts'
import type { RemoteApi } from './api.ts'
import type { Context } from './context.ts'
import type { Given } from './given.ts'

export interface Shown {
  readonly value: unknown
  readonly text: () => string
}

/** A burst of events is one look at the server. */
const GATHER_MS = 300
/** A server that restarts is waited for so long. */
const AWAY_MS = 120_000

/**
 * Shows it once; with `--watch` again after each event of these kinds, until it is stopped: redrawn in place on a terminal, one below the
 * other elsewhere (with `--json` a line each).
 */
export async function watching(
  context: Context,
  given: Given,
  kinds: readonly ServerEvent['kind'][],
  look: (api: RemoteApi) => Promise<Shown>,
): Promise<number> {
  const api = await context.api()
  const shown = await look(api)
  if (!given.flag('watch')) {
    context.show(shown.value, shown.text)
    return 0
  }
  const clears = !context.json && process.stdout.isTTY === true
  let last = ''
  const draw = ({ value, text }: Shown) => {
    const now = context.json ? JSON.stringify(value) : text()
    if (now === last) return
    last = now
    if (clears) process.stdout.write('\x1b[H\x1b[2J')
    context.show(value, text)
  }
  draw(shown)
  const wanted = new Set<ServerEvent['kind']>(kinds)
  for await (const _ of changes(api, (event) => wanted.has(event.kind), context.signal)) draw(await look(api))
  context.signal.throwIfAborted()
  return 0
}

/**
 * Something after each event, or burst of events, that is wanted, and once after each new connection: what happened in between has to be
 * looked at. A server that goes away is waited for; rejects when it stays away.
 */
export async function* changes(
  api: RemoteApi,
  isWanted: (event: ServerEvent) => boolean,
  signal: AbortSignal,
  onEvent: (event: ServerEvent) => void = () => undefined,
): AsyncGenerator<void> {
  const stop = new AbortController()
  const whole = AbortSignal.any([signal, stop.signal])
  let wake: () => void = () => undefined
  let dirty = true
  let failure: unknown
  const listening = listen(api, whole, (event) => {
    if (event !== undefined) onEvent(event)
    if (event !== undefined && !isWanted(event)) return
    dirty = true
    wake()
  }).catch((error: unknown) => {
    failure = error
    wake()
  })
  try {
    for (;;) {
      if (failure !== undefined) throw failure
      if (!dirty) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        continue
      }
      await sleep(GATHER_MS, undefined, { signal: whole })
      dirty = false
      yield
    }
  } finally {
    stop.abort()
    await listening
  }
}

/** Calls with each event, and with undefined for each connection that is made. Rejects when the server stays away. */
async function listen(api: RemoteApi, signal: AbortSignal, told: (event: ServerEvent | undefined) => void): Promise<void> {
  let awaySince: number | undefined
  for (let waitMs = 500; ; waitMs = Math.min(waitMs * 2, 10_000)) {
    try {
      const connected = () => {
        awaySince = undefined
        waitMs = 500
        told(undefined)
      }
      for await (const event of api.events(signal, connected)) told(event)
    } catch (error) {
      signal.throwIfAborted()
      if ((error as { code?: string }).code !== 'SERVER_UNREACHABLE') throw error
    }
    awaySince ??= performance.now()
    if (performance.now() - awaySince > AWAY_MS) throw new Failure('SERVER_UNREACHABLE', `${api.url} went away and did not come back`)
    await sleep(waitMs, undefined, { signal })
  }
}
