/** `understudy lab import`: asks a running lab, over its control address, to make a VM of disk images. */
import { stat } from 'node:fs/promises'
import { request } from 'node:http'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { CommandFailure, stopSignal, UsageError } from './command.ts'

interface ImportedVm {
  readonly uuid: string
  readonly name: string
  readonly disks: readonly { readonly vdi: string; readonly size: number }[]
}

/** What the control address sends, one a line: how far it is, and last the VM or what went wrong. */
interface Answer {
  readonly progress?: number
  readonly vm?: ImportedVm
  readonly error?: string
}

export async function importImages(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      control: { type: 'string' },
      sr: { type: 'string' },
      name: { type: 'string' },
      start: { type: 'boolean' },
      tools: { type: 'boolean' },
      json: { type: 'boolean' },
    },
  })
  const { control, sr, name, start = false, tools = false, json = false } = values
  for (const [option, value] of Object.entries({ control, sr, name })) if (!value) throw new UsageError(`--${option} is missing`)
  if (positionals.length === 0) throw new UsageError('no image file is named')
  const address = controlAddress(control as string)
  for (const file of positionals) await checkFile(file)
  const body = { name, sr, files: positionals.map((file) => resolve(file)), start, tools }
  const vm = await ask(address, body, progressBar(!json && process.stderr.isTTY === true))
  if (json) process.stdout.write(`${JSON.stringify({ vm })}\n`)
  else process.stdout.write(`VM ${vm.name} (${vm.uuid}) with ${vm.disks.length === 1 ? '1 disk' : `${vm.disks.length} disks`}\n`)
  return 0
}

function controlAddress(control: string): URL {
  const url = URL.canParse(control) ? new URL('/import', control) : undefined
  if (url?.protocol !== 'http:') throw new UsageError('--control needs the http address that the lab printed as control')
  return url
}

async function checkFile(file: string): Promise<void> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => error)
  if (found instanceof Error) throw new CommandFailure(`${file}: ${found.code === 'ENOENT' ? 'there is no such file' : found.message}`)
  if (!found.isFile()) throw new CommandFailure(`${file}: this is not a file`)
}

async function ask(address: URL, body: object, progress: (fraction: number | undefined) => void): Promise<ImportedVm> {
  const text = JSON.stringify(body)
  const headers = { 'content-type': 'application/json', accept: 'application/x-ndjson', 'content-length': Buffer.byteLength(text) }
  let last: Answer = {}
  try {
    const sent = request(address, { method: 'POST', headers, signal: stopSignal() })
    sent.end(text)
    const response = await new Promise<NodeJS.ReadableStream>((answered, failed) => sent.once('response', answered).once('error', failed))
    // A lab that says nothing for that long is dead: it tells of every percent.
    sent.setTimeout(600_000, () => sent.destroy(new Error('the lab does not answer')))
    for await (const line of createInterface({ input: response })) {
      last = JSON.parse(line) as Answer
      if (last.progress !== undefined) progress(last.progress)
    }
  } catch (error) {
    stopSignal().throwIfAborted()
    throw new CommandFailure(`no lab answers at ${address.origin}: ${(error as Error).message}`, { cause: error })
  } finally {
    progress(undefined)
  }
  if (last.vm) return last.vm
  throw new CommandFailure(last.error ?? 'the lab hung up before the import was done')
}

/** Shows the fraction on one line of a terminal; undefined removes it. */
function progressBar(terminal: boolean): (fraction: number | undefined) => void {
  if (!terminal) return () => {}
  return (fraction) => {
    if (fraction === undefined) process.stderr.write('\r\u001b[K')
    else process.stderr.write(`\r[${'#'.repeat(Math.round(fraction * 40)).padEnd(40)}] ${Math.floor(fraction * 100)} %`)
  }
}
