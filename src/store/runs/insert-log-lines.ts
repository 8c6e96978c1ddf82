import type { LogLine } from '../../core/control/run-record.ts'
import type { Queries } from '../open-store.ts'
import { fromTimestamp } from '../timestamps.ts'

const ROWS_AT_ONCE = 2_000

/** In the order that they are shown in. Collect lines for a moment and store them together: each call is a commit. */
export async function insertLogLines(db: Queries, lines: readonly { readonly vmRun: string; readonly line: LogLine }[]): Promise<void> {
  for (let start = 0; start < lines.length; start += ROWS_AT_ONCE) {
    const rows = lines.slice(start, start + ROWS_AT_ONCE).map(({ vmRun, line }) => ({
      vm_run_id: vmRun,
      at: fromTimestamp(line.at),
      level: line.level,
      text: line.text,
    }))
    await db.insertInto('vm_run_logs').values(rows).execute()
  }
}
