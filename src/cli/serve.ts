/** `understudy serve`: the server, until it is told to stop. */
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { loggerTo } from '../api/logging.ts'
import { packageFolder, type RunningServer, type ServerOptions, startServer } from '../api/start-server.ts'
import { ownTls } from '../api/tls-material.ts'
import { systemClock } from '../jobs/clock.ts'
import { createControlPlane } from '../jobs/create-control-plane.ts'
import { PoolService } from '../jobs/pools/pool-service.ts'
import { replicationEngine } from '../jobs/replication-engine.ts'
import { TryLab } from '../jobs/try-lab/try-lab.ts'
import { openSecrets } from '../store/secrets/secrets.ts'
import { type Command, stopSignal, UsageError } from './command.ts'
import { dataFolder } from './data-folder.ts'
import { version } from './main.ts'

const PORT = 8443
const GRACE_SECONDS = 30

const usage = `
Usage: understudy serve [OPTION...]

Runs the server: API, scheduler and replication, in one process with one folder, until it is stopped (Ctrl-C, SIGTERM). At the
first start it prints a one-time link by which the first administrator is made. docs/server.md tells the rest.

  --data DIR           database, keys and certificate (UNDERSTUDY_DATA; ~/.local/share/understudy)
  --host ADDRESS       where to listen (127.0.0.1: only this machine; 0.0.0.0: everybody)
  --port N             port (${PORT}); 0: a free one
  --tls-cert FILE      certificate with its chain, PEM
  --tls-key FILE       its key, PEM
  --tls-self-signed    a certificate of its own making, kept in the data folder (what happens without any of these)
  --no-tls             clear text: behind a proxy on the same machine, or for trying
  --public-name NAME   name by which browsers reach the server, when its certificate does not say so (repeatable)
  --trust-proxy ADDRESS  address of a proxy whose X-Forwarded-For is believed (repeatable)
  --seeds DIR          where seeds are kept that are carried on a medium (UNDERSTUDY_SEEDS; seeds in the data folder)
  --metrics-on-loopback  /metrics without a token for programs on this machine; not behind a proxy on it
  --grace SECONDS      how long runs may go on when the server is stopped (${GRACE_SECONDS}); then they are cancelled
  --log-level LEVEL    trace, debug, info, warn, error or silent (info); with debug every read is logged too
  --json               print one line of JSON when it is ready, and nothing else; the log goes to standard error
`

export const command: Command = { summary: 'run the server: scheduler, replication and API', usage, run }

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent']

async function run(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: 'string' },
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: String(PORT) },
      'tls-cert': { type: 'string' },
      'tls-key': { type: 'string' },
      'tls-self-signed': { type: 'boolean' },
      'no-tls': { type: 'boolean' },
      'public-name': { type: 'string', multiple: true },
      'trust-proxy': { type: 'string', multiple: true },
      seeds: { type: 'string' },
      'metrics-on-loopback': { type: 'boolean' },
      grace: { type: 'string', default: String(GRACE_SECONDS) },
      'log-level': { type: 'string', default: 'info' },
      json: { type: 'boolean' },
    },
  })
  if (values.data === '') throw new UsageError('--data needs a folder')
  const port = wholeNumber('--port', values.port, 65_535)
  const graceMs = wholeNumber('--grace', values.grace, 86_400) * 1000
  const level = values['log-level']
  if (!LEVELS.includes(level)) throw new UsageError(`--log-level takes one of ${LEVELS.join(', ')}`)
  const folder = dataFolder(values.data)
  const stop = stopSignal()
  const server = await startServer({
    folder,
    host: values.host,
    port,
    tls: tlsAsked(values),
    publicNames: values['public-name'] ?? [],
    ...(values['trust-proxy'] === undefined ? {} : { trustProxy: values['trust-proxy'] }),
    metricsOnLoopback: values['metrics-on-loopback'] ?? false,
    version: version(),
    logger: loggerTo(values.json ? process.stderr : process.stdout, level),
    pageFolder: packageFolder('dist-web'),
    docsFolder: packageFolder('docs'),
    serve: controlPlane(folder, values.seeds ?? process.env.UNDERSTUDY_SEEDS),
  })
  try {
    if (values['no-tls'] && !isLoopback(values.host) && values['trust-proxy'] === undefined) {
      process.stderr.write('understudy serve: WARNING: passwords and tokens cross the network in clear text (--no-tls)\n')
    }
    const expiry = expiryWarning(server.certificate?.validTo, Date.now())
    if (expiry !== undefined) process.stderr.write(`understudy serve: WARNING: ${expiry}\n`)
    process.stdout.write(values.json ? `${JSON.stringify(readyOf(server))}\n` : readyText(server))
    if (!stop.aborted) await once(stop, 'abort')
  } finally {
    await server.close(graceMs)
  }
  return 0
}

const controlPlane =
  (folder: string, seeds: string | undefined): ServerOptions['serve'] =>
  async (store, onError) => {
    const secrets = await openSecrets(store)
    const pools = new PoolService({ store, secrets, clock: systemClock, onError })
    const plane = createControlPlane({
      store,
      secrets,
      pools,
      engine: replicationEngine({ pools }),
      onError,
      seedsFolder: seeds === undefined || seeds === '' ? join(folder, 'seeds') : resolve(seeds),
    })
    const lab = new TryLab({ plane, folder, command: [process.execPath, join(packageFolder('bin'), 'understudy.js')], onError })
    return {
      plane,
      lab,
      async start() {
        await lab.resume()
        await pools.start()
        await plane.start()
      },
      async close(graceMs) {
        await plane.close(graceMs)
        await pools.close()
        await lab.close()
      },
    }
  }

interface TlsValues {
  readonly 'tls-cert'?: string
  readonly 'tls-key'?: string
  readonly 'tls-self-signed'?: boolean
  readonly 'no-tls'?: boolean
}

function tlsAsked(values: TlsValues): ServerOptions['tls'] {
  const { 'tls-cert': cert, 'tls-key': key, 'tls-self-signed': isSelfSigned = false, 'no-tls': isClear = false } = values
  const own = cert !== undefined || key !== undefined
  if ([own, isSelfSigned, isClear].filter(Boolean).length > 1) {
    throw new UsageError('--tls-cert and --tls-key, --tls-self-signed and --no-tls exclude each other')
  }
  if (isClear) return { kind: 'none' }
  if (!own) return { kind: 'self-signed' }
  if (cert === undefined || key === undefined) throw new UsageError('--tls-cert and --tls-key go together')
  return { kind: 'own', material: ownTls(cert, key) }
}

const SOON_MS = 14 * 24 * 3_600_000

/** A server goes on with an old certificate: that replication stopped would be worse than that a browser warns. */
export function expiryWarning(validTo: string | undefined, now: number): string | undefined {
  const end = Date.parse(validTo ?? '')
  if (!(end - now < SOON_MS)) return undefined
  return `the certificate ${end < now ? 'expired' : 'expires'} on ${new Date(end).toISOString()}: whoever checks it refuses the connection then; put a new one in place, and start the server again`
}

const readyOf = ({ url, firstStart, fingerprint }: RunningServer) => ({ url, firstStart, fingerprint })

function readyText({ url, firstStart, fingerprint }: RunningServer): string {
  const lines = [`Understudy is ready at ${url}`]
  if (fingerprint !== null) lines.push(`Fingerprint of its certificate (SHA-256): ${fingerprint}`)
  if (firstStart !== null) lines.push(`There is no user yet. Whoever opens this link within a day becomes administrator: ${firstStart}`)
  return `${lines.join('\n')}\n`
}

function wholeNumber(option: string, text: string, most: number): number {
  if (!/^\d{1,6}$/.test(text) || Number(text) > most) throw new UsageError(`${option} needs a whole number up to ${most}, not '${text}'`)
  return Number(text)
}

const isLoopback = (host: string) => host === 'localhost' || host === '::1' || /^127\./.test(host)
