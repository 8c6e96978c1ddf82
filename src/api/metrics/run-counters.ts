/** Counts what runs did since the server started, from the events that tell of them. */
import type { Run, RunState, VmRunState } from '../../core/control/run-record.ts'
import { ENDED_RUN_STATES } from '../../core/control/run-record.ts'
import type { ServerEvent } from '../../jobs/control-plane.ts'
import type { Family } from './exposition.ts'

/** Seconds: from an empty delta to a first copy over the night. */
const BUCKETS = [10, 30, 60, 300, 900, 3600, 4 * 3600, 24 * 3600]
const VM_RUN_ENDED: readonly VmRunState[] = ['success', 'failed', 'cancelled', 'interrupted', 'skipped']
const REMEMBERED = 10_000

export class RunCounters {
  readonly #runs = new Map<RunState, number>(ENDED_RUN_STATES.map((state) => [state, 0]))
  readonly #vmRuns = new Map<VmRunState, number>(VM_RUN_ENDED.map((state) => [state, 0]))
  readonly #buckets = BUCKETS.map(() => 0)
  #durations = 0
  #durationSum = 0
  #bytes = { read: 0, sent: 0, changed: 0 }
  #fulls = 0
  /** An end may be told more than once. */
  readonly #ended = new Set<string>()

  note(event: ServerEvent): void {
    if (event.kind === 'run' && isEnded(event.run.state) && this.#isFirst(event.run.id)) this.#runEnded(event.run)
    if (event.kind === 'vm-run' && VM_RUN_ENDED.includes(event.vmRun.state) && this.#isFirst(event.vmRun.id)) {
      add(this.#vmRuns, event.vmRun.state)
    }
  }

  #runEnded({ state, startedAt, endedAt, dryRun, totals }: Run): void {
    add(this.#runs, state)
    if (dryRun) return
    this.#bytes.read += totals.bytesRead
    this.#bytes.sent += totals.bytesSent
    this.#bytes.changed += totals.changedBytes
    this.#fulls += totals.fulls
    if (startedAt === null || endedAt === null) return
    const seconds = Math.max(0, (Date.parse(endedAt) - Date.parse(startedAt)) / 1000)
    this.#durations += 1
    this.#durationSum += seconds
    for (const [index, bound] of BUCKETS.entries()) if (seconds <= bound) this.#buckets[index]! += 1
  }

  #isFirst(id: string): boolean {
    if (this.#ended.has(id)) return false
    this.#ended.add(id)
    const [oldest] = this.#ended
    if (this.#ended.size > REMEMBERED && oldest !== undefined) this.#ended.delete(oldest)
    return true
  }

  families(): Family[] {
    const byState = (counts: ReadonlyMap<string, number>) => [...counts].map(([state, value]) => ({ labels: { state }, value }))
    return [
      { name: 'understudy_runs_total', help: 'Runs that ended, by how', type: 'counter', samples: byState(this.#runs) },
      { name: 'understudy_vm_runs_total', help: 'VM runs that ended, by how', type: 'counter', samples: byState(this.#vmRuns) },
      {
        name: 'understudy_run_duration_seconds',
        help: 'How long runs took',
        type: 'histogram',
        samples: [
          ...BUCKETS.map((bound, index) => ({ suffix: '_bucket', labels: { le: String(bound) }, value: this.#buckets[index] ?? 0 })),
          { suffix: '_bucket', labels: { le: '+Inf' }, value: this.#durations },
          { suffix: '_sum', value: this.#durationSum },
          { suffix: '_count', value: this.#durations },
        ],
      },
      {
        name: 'understudy_bytes_total',
        help: 'Bytes that changed on sources, were read from them, and were sent to targets',
        type: 'counter',
        samples: Object.entries(this.#bytes).map(([what, value]) => ({ labels: { what }, value })),
      },
      { name: 'understudy_full_copies_total', help: 'Disks that were sent whole', type: 'counter', samples: [{ value: this.#fulls }] },
    ]
  }
}

const isEnded = (state: RunState) => ENDED_RUN_STATES.includes(state)
const add = <Key>(counts: Map<Key, number>, key: Key) => void counts.set(key, (counts.get(key) ?? 0) + 1)
