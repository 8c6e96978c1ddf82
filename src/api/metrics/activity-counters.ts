/** Counts activities that ended since the server started, and those under way, from the events that tell of them. */
import { type Activity, type ActivityKind, ENDED_ACTIVITY_STATES } from '../../core/control/activity.ts'
import type { ServerEvent } from '../../jobs/control-plane.ts'
import type { Family } from './exposition.ts'

const REMEMBERED = 10_000

export class ActivityCounters {
  readonly #ended = new Map<string, { readonly kind: ActivityKind; readonly state: string; count: number }>()
  readonly #underWay = new Map<string, ActivityKind>()
  /** An end may be told more than once. */
  readonly #seen = new Set<string>()

  note(event: ServerEvent): void {
    if (event.kind !== 'activity') return
    const { id, kind, state } = event.activity
    if (!ENDED_ACTIVITY_STATES.includes(state)) {
      if (!this.#seen.has(id)) this.#underWay.set(id, kind)
      return
    }
    this.#underWay.delete(id)
    if (this.#isFirst(id)) this.#count(event.activity)
  }

  #count({ kind, state }: Activity): void {
    const key = `${kind} ${state}`
    const found = this.#ended.get(key)
    if (found === undefined) this.#ended.set(key, { kind, state, count: 1 })
    else found.count++
  }

  #isFirst(id: string): boolean {
    if (this.#seen.has(id)) return false
    this.#seen.add(id)
    const [oldest] = this.#seen
    if (this.#seen.size > REMEMBERED && oldest !== undefined) this.#seen.delete(oldest)
    return true
  }

  families(): Family[] {
    return [
      {
        name: 'understudy_activities_total',
        help: 'Activities that ended, by kind and how',
        type: 'counter',
        samples: [...this.#ended.values()].map(({ kind, state, count }) => ({ labels: { kind, state }, value: count })),
      },
      { name: 'understudy_activities_running', help: 'Activities under way', type: 'gauge', samples: [{ value: this.#underWay.size }] },
    ]
  }
}
