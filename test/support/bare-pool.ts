import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDatabase, type VersionedDatabase } from '../../src/lab/database/database.ts'
import { eventMessages } from '../../src/lab/events/event-messages.ts'
import { createFaults } from '../../src/lab/faults/faults.ts'
import type { LabPool, MessageTable, Storage, Value } from '../../src/lab/pool.ts'
import { createDispatcher, type Dispatcher } from '../../src/lab/rpc/dispatcher.ts'
import { sessionMessages } from '../../src/lab/session/session-messages.ts'
import { createSessions } from '../../src/lab/session/sessions.ts'
import { taskMessages } from '../../src/lab/tasks/task-messages.ts'
import { createTasks } from '../../src/lab/tasks/tasks.ts'

export interface BarePool {
  readonly pool: LabPool
  readonly db: VersionedDatabase
  readonly dispatcher: Dispatcher
  /** A session of root. */
  readonly session: string
  /** Calls with that session. */
  call(name: string, ...params: unknown[]): Promise<Value>
  /** Moves the pool's clock. */
  advance(milliseconds: number): void
  close(): void
}

/** The core of a simulated pool in a temporary folder: database, dispatcher, sessions, tasks, events; one host, no storage, no HTTP. */
export async function barePool(messages: MessageTable = {}): Promise<BarePool> {
  const folder = mkdtempSync(join(tmpdir(), 'bare-pool-'))
  const db = openDatabase(join(folder, 'pool.sqlite'))
  const host = db.create('host', {})
  const stopping = new AbortController()
  let time = Date.UTC(2026, 0, 1)
  const pool: LabPool = {
    name: 'bare',
    folder,
    db,
    storage: {} as Storage,
    settings: { nbdDetachMs: 0, attachMs: 0, badLoginMs: 0 },
    faults: createFaults(),
    now: () => new Date(time),
    certificate: { cert: '', key: '', fingerprint: '' },
    user: 'root',
    password: 'secret',
    refs: { host, pool: db.create('pool', { master: host }), controlDomain: 'OpaqueRef:NULL' },
    invoke: (name, ...params) => dispatcher.invoke(name, params),
    stopping: stopping.signal,
  }
  createSessions(pool)
  createTasks(pool)
  const dispatcher = createDispatcher(pool, db, [sessionMessages, taskMessages, eventMessages(db), messages])
  const { value: session } = await dispatcher.dispatch('session.login_with_password', ['root', 'secret'])
  return {
    pool,
    db,
    dispatcher,
    session: session as string,
    call: async (name, ...params) => (await dispatcher.dispatch(name, [session, ...params])).value,
    advance(milliseconds) {
      time += milliseconds
    },
    close() {
      stopping.abort(new Error('the pool stops'))
      db.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Checks that a call fails as XAPI tells it. */
export function failsWith(code: string, ...params: string[]): (error: unknown) => true {
  return (error) => {
    const { code: gotCode, params: gotParams } = error as { code?: string; params?: readonly string[] }
    if (gotCode !== code || params.some((param, index) => gotParams?.[index] !== param)) throw error
    return true
  }
}
