/** `understudy verify`: reads a restore point back and compares it with what is left to compare with. */
import { parseArgs } from 'node:util'
import { createByteBudget } from '../block/budget.ts'
import { explainError } from '../replication/explain.ts'
import { viewPool } from '../replication/pool-view.ts'
import { findPoint, type WantedPoint } from '../replication/proof/find-point.ts'
import { PROOF_MODES, type ProofMode, type ProofOptions, provePoint } from '../replication/proof/verify-point.ts'
import type { PoolLogin } from '../xapi/pool-url.ts'
import { type Command, stopSignal, UsageError } from './command.ts'
import { withConnections } from './connect-pool.ts'
import { optionalPool, poolArgument, trustArgument } from './pool-arguments.ts'
import { wantedPoint } from './restore-point-argument.ts'
import { formatBytes } from './sizes.ts'
import { statusLine } from './status-line.ts'
import { formatProof } from './verify-report.ts'

/** Block data in memory at once. */
const MEMORY = 64 * 1024 * 1024

export const command: Command = {
  summary: 'read a restore point back, and compare it with what is left to compare with',
  usage: `
Usage: understudy verify --to URL --sr UUID --vm UUID [--job ID] [--from URL] [OPTION...]
       understudy verify --to URL --restore-point UUID [--from URL] [OPTION...]

Reads the disks of a restore point, and compares them with the source snapshot while the source pool still has its data, and with the
digest that a run with --verify full left on them. Its memory, where it has one, is compared with the digest of what its run sent. Says what was proven and what was not. Changes nothing.

  --to URL            target pool: https://user:password@host[:port], user and password percent-encoded
  --sr UUID           storage repository that the replica lives on
  --vm UUID           the source VM; its newest complete restore point is verified
  --job ID            uuid of the job (default: the only one with restore points of the VM there)
  --restore-point UUID  this restore point instead: uuid of the replica's snapshot
  --from URL          source pool, to compare with the source snapshot where that still has its data
  --mode MODE         full (default: everything in use), changed (what its run changed), sample (some of what is in use)
  --trust FINGERPRINT accept the certificate with this SHA-256 fingerprint; repeatable (also UNDERSTUDY_TRUST)
  --json              what was found, as JSON on standard output, nothing else

UNDERSTUDY_FROM and UNDERSTUDY_TO stand in for --from and --to: there the passwords are in no list of processes.
Exit codes: 0 nothing wrong was found, 1 it differs, can't be read or is not complete, 2 wrong usage, 130 stopped.`,
  run,
}

interface Arguments {
  readonly from: PoolLogin | undefined
  readonly to: PoolLogin
  readonly wanted: WantedPoint
  readonly mode: ProofMode
  readonly trust: readonly string[]
  readonly json: boolean
}

async function run(args: readonly string[]): Promise<number> {
  const { from, to, wanted, mode, ...rest } = parse(args)
  const signal = stopSignal()
  const status = statusLine(process.stderr)
  const access = trustArgument(rest.trust, signal, { beforeAsking: status.clear })
  try {
    return await withConnections(access, signal, async (pools) => {
      const target = await pools.open('target', to)
      const view = await viewPool(target, signal)
      const found = await findPoint(view, wanted)
      const proof = await provePoint(found, {
        target,
        source: from && (await viewSource(from)),
        mode,
        signal,
        budget: createByteBudget(MEMORY),
        onProgress: ({ userdevice, name }, done, of) =>
          status.show(
            `Verifying ${userdevice === 'memory' ? 'the memory' : `disk ${userdevice} "${name}"`}: ${formatBytes(done)} of ${formatBytes(of)}`,
          ),
      })
      status.clear()
      process.stdout.write(rest.json ? `${JSON.stringify(proof)}\n` : formatProof(proof))
      return proof.ok ? 0 : 1

      async function viewSource(login: PoolLogin): Promise<ProofOptions['source']> {
        const xapi = await pools.open('source', login)
        return { xapi, view: xapi === target ? view : await viewPool(xapi, signal) }
      }
    })
  } catch (error) {
    status.clear()
    throw explainError(error)
  }
}

function parse(args: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      from: { type: 'string' },
      to: { type: 'string' },
      sr: { type: 'string' },
      vm: { type: 'string' },
      job: { type: 'string' },
      'restore-point': { type: 'string' },
      mode: { type: 'string', default: 'full' },
      trust: { type: 'string', multiple: true, default: [] },
      json: { type: 'boolean', default: false },
    },
  })
  const mode = PROOF_MODES.find((each) => each === values.mode)
  if (mode === undefined) throw new UsageError(`--mode is one of ${PROOF_MODES.join(', ')}, not ${values.mode}`)
  return {
    from: optionalPool(values.from, '--from'),
    to: poolArgument(values.to, '--to'),
    wanted: wantedPoint(values),
    mode,
    trust: values.trust,
    json: values.json,
  }
}
