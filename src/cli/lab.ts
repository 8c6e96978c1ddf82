/** `understudy lab`: simulated pools, until they are told to stop. */
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { type Lab, openLab } from '../lab/run/open-lab.ts'
import { LabError } from '../lab/run/pool-folder.ts'
import { type Command, CommandFailure, stopSignal, UsageError } from './command.ts'
import { importImages } from './lab-import.ts'
import { labTable } from './lab-table.ts'

const usage = `
Usage: understudy lab [OPTION...]
       understudy lab import --control URL --sr UUID --name NAME FILE...

Runs simulated pools that answer XAPI (HTTPS), NBD and bulk transfers on 127.0.0.1, with VMs whose disks are real, until it is
stopped (Ctrl-C). docs/lab.md says what can be done to them.

  --pools NAME,NAME   names of the pools (those found in the folder; for a new one: paris,oslo)
  --data DIR          keep the pools in this folder, and find them again there; default: a temporary folder, removed at the end
  --port N            XAPI port of the first pool, the others follow; default: the ports of last time, or free ones
  --empty             no VMs (else the first pool gets a few when it is new)
  --hosts N           hosts of each new pool (1); with several each has an address of its own, from 127.0.0.1 on
  --no-nbd            no NBD, as on a freshly installed host
  --insecure-nbd      NBD in clear text, on networks of purpose insecure_nbd
  --while-stdin       end when standard input ends: with whoever started it
  --json              print one line of JSON when everything is ready, and nothing else

The password of each pool's root is random and kept in its folder; UNDERSTUDY_LAB_PASSWORD sets another.

understudy lab import makes a VM of disk images (raw, VHD or qcow2, told apart by content), one disk of each:

  --control URL       control address of the pool, as the lab prints it
  --sr UUID           where the disks go
  --name NAME         name of the VM
  --start             start it
  --tools             its guest has tools
  --json              print the VM as a line of JSON
`

export const command: Command = { summary: 'run simulated pools', usage, run }

async function run(args: readonly string[]): Promise<number> {
  if (args[0] === 'import') return await importImages(args.slice(1))
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'boolean' },
      data: { type: 'string' },
      pools: { type: 'string' },
      port: { type: 'string' },
      empty: { type: 'boolean' },
      hosts: { type: 'string' },
      'no-nbd': { type: 'boolean' },
      'insecure-nbd': { type: 'boolean' },
      'while-stdin': { type: 'boolean' },
    },
  })
  const stop = stopSignal()
  const lab = await open(values)
  try {
    if (!stop.aborted) process.stdout.write(values.json ? `${JSON.stringify(lab.describe())}\n` : labTable(lab))
    if (!stop.aborted) await Promise.race([once(stop, 'abort'), ...(values['while-stdin'] ? [endOfInput()] : [])])
  } finally {
    await lab.close()
  }
  return 0
}

/** Nobody writes to it; that it ends says that whoever held its other side is gone. */
async function endOfInput(): Promise<void> {
  process.stdin.resume()
  await once(process.stdin, 'close')
}

interface Values {
  readonly data?: string
  readonly pools?: string
  readonly port?: string
  readonly empty?: boolean
  readonly hosts?: string
  readonly 'no-nbd'?: boolean
  readonly 'insecure-nbd'?: boolean
}

async function open(values: Values): Promise<Lab> {
  const { data, pools, port, hosts, empty = false, 'no-nbd': withoutNbd = false, 'insecure-nbd': insecureNbd = false } = values
  if (data === '') throw new UsageError('--data needs a folder')
  if (withoutNbd && insecureNbd) throw new UsageError('--no-nbd and --insecure-nbd exclude each other')
  if (port !== undefined && !/^[1-9]\d{0,4}$/.test(port)) throw new UsageError(`--port needs a port, not '${port}'`)
  if (hosts !== undefined && !/^[1-9]\d?$/.test(hosts)) throw new UsageError(`--hosts needs a number of hosts, not '${hosts}'`)
  const password = process.env.UNDERSTUDY_LAB_PASSWORD
  try {
    return await openLab({
      ...(data === undefined ? {} : { data }),
      ...(pools === undefined ? {} : { pools: pools.split(',').map((name) => name.trim()) }),
      ...(port === undefined ? {} : { port: Number(port) }),
      ...(hosts === undefined ? {} : { hosts: Number(hosts) }),
      ...(password ? { password } : {}),
      empty,
      nbd: !withoutNbd,
      insecureNbd,
      note: (line) => process.stderr.write(`understudy lab: ${line}\n`),
    })
  } catch (error) {
    if (error instanceof LabError) throw new CommandFailure(error.message, { cause: error })
    throw error
  }
}
