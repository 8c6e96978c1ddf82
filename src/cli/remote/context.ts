/** What an action is run with: the server on demand, and how its answers are shown. */
import { apiOf, type RemoteApi } from './api.ts'
import { chooseServer, connect } from './connection.ts'
import type { Given } from './given.ts'
import type { HttpClient } from './http-client.ts'

export interface Context {
  readonly json: boolean
  readonly wide: boolean
  readonly signal: AbortSignal
  /** Connects when it is first asked for. */
  api(): Promise<RemoteApi>
  /** The value as JSON, or what people read of it. */
  show(value: unknown, text: () => string): void
  /** A line for people only: on standard error, so that standard output stays clean. */
  note(line: string): void
  close(): void
}

export function openContext(given: Given, signal: AbortSignal): Context {
  let client: Promise<HttpClient> | undefined
  const json = given.flag('json')
  return {
    json,
    wide: given.flag('wide'),
    signal,
    async api() {
      client ??= chooseServer({ server: given.text('server'), tokenFile: given.text('token-file') }).then((server) =>
        connect(server, given.list('trust'), signal),
      )
      return apiOf(await client)
    },
    show(value, text) {
      if (json) return void process.stdout.write(`${JSON.stringify(value)}\n`)
      const shown = text()
      if (shown !== '') process.stdout.write(shown.endsWith('\n') ? shown : `${shown}\n`)
    },
    note: (line) => void process.stderr.write(`${line}\n`),
    close: () => void client?.then((opened) => opened.close()).catch(() => undefined),
  }
}
