/** Options of the runs that a failover makes: planned ones, turning round, going back. */
import { createByteBudget } from '../../block/budget.ts'
import { VERIFY_MODES } from '../../core/report.ts'
import type { FailoverEvent } from '../../replication/failover/options.ts'
import type { RunSettings } from '../../replication/failover/reprotect.ts'
import { UsageError } from '../command.ts'

const MEMORY = 48 * 1024 * 1024

/** Of util.parseArgs. */
export const RUN_OPTIONS = {
  retention: { type: 'string', default: '3' },
  verify: { type: 'string', default: 'changed' },
  'allow-insecure-nbd': { type: 'boolean', default: false },
} as const

export const RUN_USAGE = `  --retention N       newest restore points to keep (default 3)
  --verify MODE       off, sample, changed (default: all that was sent is read back), full (both disks whole)
  --allow-insecure-nbd  read over NBD in clear text where a pool offers nothing else`

/** Throws UsageError at once; what is given back gets who listens. */
export function runSettings(values: {
  readonly retention: string
  readonly verify: string
  readonly 'allow-insecure-nbd': boolean
}): (onEvent: ((event: FailoverEvent) => void) | undefined) => RunSettings {
  const retention = Number(values.retention)
  if (!Number.isInteger(retention) || retention < 1 || retention > 1000)
    throw new UsageError(`--retention is a number from 1 to 1000, not ${values.retention}`)
  const verify = VERIFY_MODES.find((mode) => mode === values.verify)
  if (verify === undefined) throw new UsageError(`--verify is one of ${VERIFY_MODES.join(', ')}, not ${values.verify}`)
  return (onEvent) => ({
    retention,
    verify,
    budget: createByteBudget(MEMORY),
    allowInsecureNbd: values['allow-insecure-nbd'],
    onRunEvent(event) {
      if (event.kind === 'log') onEvent?.({ kind: 'log', message: event.message })
      else if (event.kind === 'stage') onEvent?.({ kind: 'step', step: event.stage, text: `replicating: ${event.stage}` })
    },
  })
}

export const SHUTDOWN_USAGE = `  --hard-shutdown     cut the power of the VM that is taken down (default: it is asked to shut down)
  --shutdown-timeout S  seconds that a clean shutdown may take (default 600)`

export const SHUTDOWN_OPTIONS = {
  'hard-shutdown': { type: 'boolean', default: false },
  'shutdown-timeout': { type: 'string', default: '600' },
} as const

export function shutdownOf(values: { readonly 'hard-shutdown': boolean; readonly 'shutdown-timeout': string }) {
  const seconds = Number(values['shutdown-timeout'])
  if (!Number.isFinite(seconds) || seconds <= 0 || seconds > 86_400)
    throw new UsageError(`--shutdown-timeout takes seconds, up to a day, not '${values['shutdown-timeout']}'`)
  return { shutdown: values['hard-shutdown'] ? 'hard' : 'clean', shutdownMs: seconds * 1000 } as const
}
