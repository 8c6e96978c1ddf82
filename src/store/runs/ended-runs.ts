import type { EndedRun } from '../../core/control/run-figures.ts'
import type { RunState, RunTotals } from '../../core/control/run-record.ts'
import type { Queries } from '../open-store.ts'
import { toTimestampOrNull } from '../timestamps.ts'

const ROWS_AT_ONCE = 1000

/** Runs queued since that have ended, oldest first, some at a time: there may be hundreds of thousands. */
export async function* endedRuns(db: Queries, since: number): AsyncGenerator<readonly EndedRun[]> {
  let after = { at: since, id: '' }
  for (;;) {
    const { at, id } = after
    const rows = await db
      .selectFrom('runs')
      .select(['id', 'job_id', 'state', 'dry_run', 'queued_at', 'started_at', 'ended_at', 'totals'])
      .where(({ eb, refTuple, tuple }) => eb(refTuple('queued_at', 'id'), '>', tuple(at, id)))
      .orderBy('queued_at')
      .orderBy('id')
      .limit(ROWS_AT_ONCE)
      .execute()
    yield rows.flatMap((row) =>
      row.ended_at === null
        ? []
        : {
            id: row.id,
            job: row.job_id,
            state: row.state as RunState,
            dryRun: row.dry_run === 1,
            startedAt: toTimestampOrNull(row.started_at),
            endedAt: toTimestampOrNull(row.ended_at),
            totals: JSON.parse(row.totals) as RunTotals,
          },
    )
    const last = rows.at(-1)
    if (last === undefined || rows.length < ROWS_AT_ONCE) return
    after = { at: last.queued_at, id: last.id }
  }
}
