/** Runs as the API starts, cancels and shows them: what is stored, and what is under way as it is at this moment. */
import type { Actor } from '../../core/control/audit.ts'
import { heldUntil } from '../../core/control/maintenance.ts'
import { hasEnded } from '../../core/control/run-outcome.ts'
import type { Run, VmRun } from '../../core/control/run-record.ts'
import { Failure } from '../../core/failure.ts'
import type { Store } from '../../store/open-store.ts'
import { findRun } from '../../store/runs/find-run.ts'
import { findVmRun, findVmRunDetail } from '../../store/runs/find-vm-run.ts'
import { listRuns } from '../../store/runs/list-runs.ts'
import { listVmRuns, vmRunsOfRun } from '../../store/runs/list-vm-runs.ts'
import { toTimestamp } from '../../store/timestamps.ts'
import type { Clock } from '../clock.ts'
import type { RunOperations, StartRun } from '../control-plane.ts'
import type { JobBook } from '../job-book.ts'
import type { SettingsBook } from '../settings-book.ts'
import type { FigureBook } from './figure-book.ts'
import type { RunService } from './run-service.ts'

export interface RunOperationParts {
  readonly store: Store
  readonly clock: Clock
  readonly book: JobBook
  readonly settings: SettingsBook
  readonly service: RunService
  readonly figures: FigureBook
}

export function runOperations({ store, clock, book, settings, service, figures }: RunOperationParts): RunOperations {
  const liveRun = (run: Run): Run => service.liveRun(run.id) ?? run
  const liveVmRun = (vmRun: VmRun): VmRun => service.liveVmRun(vmRun.id)?.record ?? vmRun
  const storedRun = async (id: string): Promise<Run> => {
    const run = await findRun(store.db, id)
    if (run === undefined) throw new Failure('RUN_NOT_FOUND', `there is no run ${id}`)
    return run
  }
  return {
    async start(request, by) {
      const job = book.get(request.job)
      const schedule = request.schedule === undefined ? job.schedules[0] : job.schedules.find(({ id }) => id === request.schedule)
      if (request.schedule !== undefined && schedule === undefined)
        throw new Failure('SCHEDULE_NOT_FOUND', `job "${job.name}" has no schedule ${request.schedule}`)
      const held = heldUntil(settings.current.maintenance, clock.now(), { job: job.id, pools: [] })
      if (held !== null && request.dryRun !== true)
        throw new Failure('IN_MAINTENANCE', `maintenance keeps runs from beginning until ${toTimestamp(held)}`)
      return service.begin({ job, schedule, trigger: { kind: 'hand', by: actorName(by) }, ...wanted(request) })
    },
    async cancel(id) {
      return service.cancel(id) ?? (await storedRun(id))
    },
    async cancelVm(id) {
      const cancelled = service.cancelVm(id) ?? (await findVmRun(store.db, id))
      if (cancelled === undefined) throw new Failure('RUN_NOT_FOUND', `there is no VM run ${id}`)
      return cancelled
    },
    async list(filter) {
      const { items, next } = await listRuns(store.db, filter)
      return { items: items.map(liveRun), next }
    },
    async get(id) {
      const [run, vmRuns] = [await storedRun(id), await vmRunsOfRun(store.db, id)]
      return { ...liveRun(run), vmRuns: vmRuns.map(liveVmRun) }
    },
    async vmRun(id) {
      const stored = await findVmRunDetail(store.db, id)
      if (stored === undefined) throw new Failure('RUN_NOT_FOUND', `there is no VM run ${id}`)
      const live = service.liveVmRun(id)
      if (live === undefined || hasEnded(live.record.state)) return stored
      const { plan, log, report } = stored
      return { ...live.record, plan: plan ?? live.vmRun.plan ?? null, report, log: [...log, ...live.vmRun.lines] }
    },
    async vmRuns(filter) {
      const { items, next } = await listVmRuns(store.db, filter)
      return { items: items.map(liveVmRun), next }
    },
    figures: () => figures.figures(),
  }
}

function wanted({ vms, dryRun }: StartRun) {
  return { ...(vms === undefined ? {} : { vms }), ...(dryRun === undefined ? {} : { dryRun }) }
}

const actorName = ({ kind, name }: Actor): string => (kind === 'token' ? `${name} (token)` : name)
