/** Where a fault strikes: on a call, a task or a stream, and on which. Pure. */
import type { ConnectionKind, Fault, FaultKind, FaultSpec } from './fault.ts'
import type { StreamFault } from './stream-tap.ts'

/** Undefined: attached for something else than a connection, as a copy within the pool. */
export function connectionOf(why: string): ConnectionKind | undefined {
  if (why === 'xapi-nbd') return 'nbd'
  return why === 'import' || why === 'export' ? why : undefined
}

export function isAction({ kind }: Fault): boolean {
  return kind === 'restart' || kind === 'certificate' || kind === 'expire-sessions'
}

export function isTaskFault(fault: Fault): boolean {
  return fault.kind === 'slow-task' || (fault.kind === 'error' && fault.on === 'task')
}

export function isCallFault(fault: FaultSpec): boolean {
  const { kind, match } = fault
  if (kind === 'error' || kind === 'delay' || kind === 'slow-task') return true
  return match.method !== undefined || match.form !== undefined
}

const STREAM_KINDS: ReadonlySet<FaultKind> = new Set(['cut', 'half-open', 'stall', 'truncate', 'corrupt', 'restart', 'expire-sessions'])

export function isStreamFault(fault: Fault): fault is StreamFault {
  if (!STREAM_KINDS.has(fault.kind) || isCallFault(fault)) return false
  if (fault.kind === 'corrupt') return fault.where === 'stream'
  return Object.keys(fault.match).length > 0
}

/** Patterns have `*` for any text. Names match with and without their `Async.`. */
export function matchesCall({ match }: Fault, name: string): boolean {
  const plain = name.replace(/^Async\./, '')
  const isAsync = plain !== name
  if (match.form !== undefined && isAsync !== (match.form === 'async')) return false
  if (match.method === undefined) return true
  const parts = match.method.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  const pattern = new RegExp(`^${parts.join('.*')}$`)
  return pattern.test(name) || pattern.test(plain)
}
