/** For tests: NBD servers that other people wrote, started for a test on a unix socket; and a disk in memory. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { generate } from 'selfsigned'
import type { Extent } from '../../src/block/block.ts'
import type { Disk } from '../../src/lab/pool.ts'
import { programPath } from './programs.ts'

const READY_MS = 20_000

const execute = promisify(execFile)

/** Runs a program to its end; rejects with what it said when it fails. */
export async function runProgram(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await execute(programPath(program) ?? program, args, { timeout: 60_000, maxBuffer: 64 * 1024 * 1024 })
  return stdout
}

export interface Folder extends Disposable {
  readonly path: string
  file(name: string): string
}

export function temporaryFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), 'nbd-'))
  return { path, file: (name) => join(path, name), [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

/** A folder as `tls-certificates` wants it: a self-signed server certificate that is its own authority. Returns the certificate. */
export async function makeServerCertificate(folder: Folder): Promise<string> {
  const made = await generate([{ name: 'commonName', value: 'localhost' }], { keySize: 2048 })
  writeFileSync(folder.file('ca-cert.pem'), made.cert)
  writeFileSync(folder.file('server-cert.pem'), made.cert)
  writeFileSync(folder.file('server-key.pem'), made.private, { mode: 0o600 })
  return readFileSync(folder.file('server-cert.pem'), 'utf8')
}

export interface NbdProgram extends AsyncDisposable {
  readonly socketPath: string
  /** Ends it at once. */
  kill(): Promise<void>
}

/** nbdkit with these arguments (plugin and filters). */
export function startNbdkit(folder: Folder, ...args: string[]): Promise<NbdProgram> {
  const socketPath = folder.file('nbdkit.sock')
  return start('nbdkit', ['-f', '--exit-with-parent', '-U', socketPath, ...args], socketPath)
}

/** qemu-nbd of a raw file, for any number of clients. */
export function startQemuNbd(folder: Folder, file: string, ...args: string[]): Promise<NbdProgram> {
  const socketPath = folder.file('qemu.sock')
  return start('qemu-nbd', ['-k', socketPath, '-t', '-e', '8', '-f', 'raw', ...args, file], socketPath)
}

async function start(program: string, args: string[], socketPath: string): Promise<NbdProgram> {
  const child: ChildProcess = spawn(programPath(program) ?? program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr?.on('data', (chunk) => {
    said += String(chunk)
  })
  const closed = once(child, 'close')
  const kill = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await closed
  }
  const deadline = Date.now() + READY_MS
  while (!(await answers(socketPath))) {
    if (child.exitCode === null && Date.now() < deadline) {
      await delay(5)
      continue
    }
    await kill()
    throw new Error(`${program} does not listen: ${said}`)
  }
  return { socketPath, kill, [Symbol.asyncDispose]: kill }
}

function answers(socketPath: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(socketPath)
  socket.once('error', () => resolve(false))
  socket.once('connect', () => {
    socket.destroy()
    resolve(true)
  })
  return promise
}

/** A disk in memory, as the lab's storage manager gives them. */
export class MemoryDisk implements Disk {
  readonly uuid = '00000000-0000-4000-8000-000000000000'
  readonly bytes: Buffer

  constructor(size: number) {
    this.bytes = Buffer.alloc(size)
  }

  get size(): number {
    return this.bytes.length
  }

  read(offset: number, length: number): Buffer {
    this.#check(offset, length)
    return Buffer.from(this.bytes.subarray(offset, offset + length))
  }

  readInto(target: Buffer, offset: number): void {
    this.#check(offset, target.length)
    this.bytes.copy(target, 0, offset, offset + target.length)
  }

  write(offset: number, data: Buffer): void {
    this.#check(offset, data.length)
    data.copy(this.bytes, offset)
  }

  zero(offset: number, length: number): void {
    this.#check(offset, length)
    this.bytes.fill(0, offset, offset + length)
  }

  holdsData(offset: number, length: number): boolean {
    return this.bytes.subarray(offset, offset + length).some((byte) => byte !== 0)
  }

  allocatedBlocks(): number[] {
    return Array.from({ length: Math.ceil(this.size / 2 ** 21) }, (_, index) => index)
  }

  allocatedExtents(): Iterable<Extent> {
    return [{ offset: 0, length: this.size }]
  }

  #check(offset: number, length: number): void {
    if (offset % 512 !== 0 || length % 512 !== 0 || offset < 0 || offset + length > this.size)
      throw new Error(`bad range ${offset}+${length}`)
  }
}
