/** VMs taken out of lab pools and put into them by curl, as archives in files. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Row } from '../../src/lab/pool.ts'
import { tasksOf } from '../../src/lab/tasks/tasks.ts'
import type { StartedPool } from './lab.ts'

export interface Transfer {
  /** Statuses of all replies on the connection, of which the later ones are in the middle of a body. */
  readonly statuses: readonly number[]
  readonly task: { readonly status: string; readonly error: readonly string[]; readonly result: readonly string[]; readonly row: Row }
}

export interface XvaFiles {
  path(name: string): string
  /** GET of /export or another path into a file; ends with the task's end. */
  get(pool: StartedPool, query: Readonly<Record<string, string>>, file: string, path?: string): Promise<Transfer>
  /** PUT of a file to /import or another path. */
  put(pool: StartedPool, query: Readonly<Record<string, string>>, file: string, ...args: readonly string[]): Promise<Transfer>
  remove(): void
}

export function xvaFiles(): XvaFiles {
  const folder = mkdtempSync(join(tmpdir(), 'understudy-xva-'))
  const path = (name: string) => join(folder, name)
  return {
    path,
    remove: () => rmSync(folder, { recursive: true, force: true }),
    async get(pool, query, file, at = '/export') {
      const task = await curl(pool, at, query, ['--dump-header', path('head'), '--output', path(file)])
      return { statuses: statusesIn(await readFile(path('head'), 'latin1').catch(() => '')), task }
    },
    async put(pool, query, file, ...args) {
      const at = args.includes('metadata') ? '/import_metadata' : '/import'
      const more = args.filter((arg) => arg !== 'metadata')
      const options = ['--upload-file', path(file), '--header', 'Expect:', '--include', '--output', path('answer'), ...more]
      const task = await curl(pool, at, query, options)
      return { statuses: statusesIn(await readFile(path('answer'), 'latin1').catch(() => '')), task }
    },
  }
}

const statusesIn = (text: string) => [...text.matchAll(/HTTP\/1\.[01] (\d{3}) /g)].map((found) => Number(found[1]))

async function curl(
  pool: StartedPool,
  path: string,
  query: Readonly<Record<string, string>>,
  args: readonly string[],
): Promise<Transfer['task']> {
  const tasks = tasksOf(pool.pool)
  const task = query.task_id ?? tasks.create({ label: 'transfer' })
  const url = `${pool.url}${path}?${new URLSearchParams({ task_id: task, ...query })}`
  // Name and password go to the standard input, where nobody sees them.
  const child = spawn('curl', ['--silent', '--insecure', '--config', '-', '--max-time', '120', ...args, url])
  child.stdin.end(`user = "${pool.user}:${pool.password}"\n`)
  await once(child, 'close')
  const row = await taskEnded(pool, task)
  const result = [...String(row.result).matchAll(/OpaqueRef:[-0-9a-f]+/g)].map(([ref]) => ref)
  return { status: String(row.status), error: row.error_info as string[], result, row }
}

/** Waits for the end of a task, and gives it. */
export function taskEnded({ pool }: StartedPool, task: string): Promise<Row> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const row = pool.db.get('task', task)
      if (row.status === 'pending') return
      stop()
      clearTimeout(timer)
      resolve(row)
    }
    const stop = pool.db.onChange(look)
    const timer = setTimeout(() => {
      stop()
      reject(new Error('the task did not end'))
    }, 60_000)
    look()
  })
}
