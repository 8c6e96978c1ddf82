/** A simulated pool whose bulk addresses are used by curl, and its calls by plain JSON-RPC: nothing of our own client takes part. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type RunningPool, startPool } from '../../src/lab/start-pool.ts'

const PASSWORD = 'lab password'

export interface EndedTask {
  readonly status: string
  readonly error_info: string[]
  readonly result: string
}

export interface CurlReply {
  /** Status of the first reply; 000 when there was none. */
  readonly status: string
  /** Exit code of curl. */
  readonly code: number | null
}

export interface CurlPool {
  readonly running: RunningPool
  readonly session: string
  readonly sr: string
  /** Path of a file in the pool's temporary folder. */
  file(name: string): string
  // biome-ignore lint/suspicious/noExplicitAny: answers of any message
  call(method: string, ...params: unknown[]): Promise<any>
  newDisk(size: number, fields?: object): Promise<string>
  newTask(): Promise<string>
  /** Waits for the end of a task. */
  ended(task: string): Promise<EndedTask>
  /** Runs curl with name and password, which go to its standard input, where nobody sees them; `anonymous` leaves them out. */
  curl(path: string, query: Record<string, string>, ...args: string[]): Promise<CurlReply>
  anonymous(path: string, query: Record<string, string>, ...args: string[]): Promise<CurlReply>
  /** Uploads a file into a disk and waits for the task. */
  put(vdi: string, body: string, query?: Record<string, string>): Promise<EndedTask>
  /** Downloads a disk, which has to succeed. */
  get(vdi: string, to: string, query?: Record<string, string>): Promise<Buffer>
  /** Writes pieces into a disk by the chunked frames of XAPI. */
  write(vdi: string, pieces: readonly [offset: number, data: Buffer][]): Promise<void>
  /** Waits until something holds. */
  until(holds: () => Promise<boolean>): Promise<void>
  /** Stops the pool and starts it again on its folder. */
  restart(): Promise<void>
  close(): Promise<void>
}

export async function startCurlPool(): Promise<CurlPool> {
  const folder = await mkdtemp(join(tmpdir(), 'understudy-bulk-'))
  const settings = { attachMs: 5, badLoginMs: 20 }
  const start = () => startPool({ name: 'bulk', folder: join(folder, 'pool'), password: PASSWORD, nbd: false, settings })
  let running = await start()
  const login = () => rpc(running.url, 'session.login_with_password', 'root', PASSWORD)
  let session: string = await login()
  const call: CurlPool['call'] = (method, ...params) => rpc(running.url, method, session, ...params)
  const sr = (await call('SR.get_all'))[0]
  const file = (name: string) => join(folder, name)
  const newTask = () => call('task.create', 'transfer', '')
  const run =
    (config: string) =>
    async (path: string, query: Record<string, string>, ...args: string[]) => {
      const url = `${running.url}${path}?${new URLSearchParams(query)}`
      const options = ['--silent', '--insecure', '--config', '-', '--max-time', '60', '--write-out', '%{http_code}']
      const child = spawn('curl', [...options, ...args, url])
      child.stdin.end(config)
      let status = ''
      child.stdout.on('data', (text) => {
        status += text
      })
      const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve))
      return { status, code }
    }
  const curl = run(`user = "root:${PASSWORD}"\n`)
  const until: CurlPool['until'] = async (holds) => {
    const limit = Date.now() + 30_000
    while (!(await holds())) {
      assert.ok(Date.now() < limit, 'it took too long')
      await delay(20)
    }
  }
  const ended: CurlPool['ended'] = async (task) => {
    await until(async () => (await call('task.get_status', task)) !== 'pending')
    return call('task.get_record', task)
  }
  const put: CurlPool['put'] = async (vdi, body, query = {}) => {
    const task = await newTask()
    // Without `Expect`, which curl would wait on for a second.
    await curl(
      '/import_raw_vdi',
      { vdi, task_id: task, ...query },
      '--upload-file',
      body,
      '--output',
      file('answer'),
      '--header',
      'Expect:',
    )
    return ended(task)
  }
  return {
    get running() {
      return running
    },
    get session() {
      return session
    },
    sr,
    file,
    call,
    newTask,
    until,
    async restart() {
      await running.stop()
      running = await start()
      session = await login()
    },
    ended,
    curl,
    anonymous: run(''),
    put,
    newDisk: (size, fields = {}) => {
      const needed = { SR: sr, virtual_size: size, type: 'user', sharable: false, read_only: false, other_config: {} }
      return call('VDI.create', { ...needed, name_label: 'disk', ...fields })
    },
    async get(vdi, to, query = {}) {
      const task = await newTask()
      const { status } = await curl('/export_raw_vdi', { vdi, task_id: task, ...query }, '--output', file(to))
      const record = await ended(task)
      assert.deepEqual([status, record.status, record.error_info], ['200', 'success', []])
      return readFile(file(to))
    },
    async write(vdi, pieces) {
      const parts = pieces.flatMap(([offset, data]) => {
        const header = Buffer.alloc(12)
        header.writeBigUInt64LE(BigInt(offset), 0)
        header.writeUInt32LE(data.length, 8)
        return [header, data]
      })
      await writeFile(file('frames'), [...parts, Buffer.alloc(12)])
      assert.equal((await put(vdi, file('frames'), { format: 'raw', chunked: 'true' })).status, 'success')
    },
    async close() {
      await running.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

// biome-ignore lint/suspicious/noExplicitAny: answers of any message
async function rpc(url: string, method: string, ...params: unknown[]): Promise<any> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
  const headers = { 'content-length': Buffer.byteLength(body) }
  const reply = await new Promise<string>((resolve, reject) => {
    const options = { method: 'POST', rejectUnauthorized: false, agent: false, timeout: 30_000, headers } as const
    const outgoing = request(`${url}/jsonrpc`, options, (incoming) => {
      let text = ''
      incoming.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      incoming.on('end', () => resolve(text)).on('error', reject)
    })
    outgoing.on('error', reject).on('timeout', () => outgoing.destroy(new Error('no answer')))
    outgoing.end(body)
  })
  const { result, error } = JSON.parse(reply)
  if (error) throw new Error(`${method}: ${JSON.stringify(error)}`)
  return result
}
