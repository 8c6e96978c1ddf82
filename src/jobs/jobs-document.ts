/** Jobs as a document that can be kept, looked through and imported elsewhere. */
import type { Job, Target, Timestamp, VmSelector } from '../core/control/job.ts'
import type { PoolRecord, PoolStatus } from '../core/control/pool-record.ts'
import { Failure } from '../core/failure.ts'
import type { JobsDocument } from './control-plane.ts'

export function exportJobs(jobs: readonly Job[], pools: readonly PoolStatus[]): JobsDocument {
  const named = new Set(jobs.flatMap(poolsOf))
  return {
    format: 'understudy-jobs',
    version: 1,
    jobs: jobs.map(({ createdAt: _createdAt, updatedAt: _updatedAt, version: _version, turned: _turned, ...job }) => job),
    pools: pools.filter(({ id }) => named.has(id)).map(({ id, name, url, poolUuid }) => ({ id, name, url, poolUuid })),
  }
}

interface Importing {
  readonly known: readonly Job[]
  readonly pools: readonly PoolRecord[]
  /** Overwrites jobs of the same id. */
  readonly replace: boolean
  readonly now: Timestamp
}

/** The jobs of a document as they are to be stored, with the pools of this server in them. Failure DOCUMENT_INVALID, JOB_EXISTS. */
export function readDocument(document: JobsDocument, { known, pools, replace, now }: Importing): Job[] {
  if (document.format !== 'understudy-jobs' || document.version !== 1)
    throw new Failure('DOCUMENT_INVALID', 'this is no document of exported jobs of version 1')
  const translate = poolNames(document, pools)
  const schedules = new Map(known.flatMap((job) => job.schedules.map(({ id }) => [id, job.id])))
  const seen = new Set<string>()
  return document.jobs.map((given) => {
    const before = known.find(({ id }) => id === given.id)
    if (before !== undefined && !replace) throw new Failure('JOB_EXISTS', `there is a job ${given.id} ("${before.name}") already`)
    for (const id of [given.id, ...given.schedules.map((schedule) => schedule.id)]) {
      if (seen.has(id)) throw new Failure('DOCUMENT_INVALID', `the document has the id ${id} twice`)
      seen.add(id)
    }
    for (const { id } of given.schedules) {
      const owner = schedules.get(id)
      if (owner !== undefined && owner !== given.id) throw new Failure('JOB_EXISTS', `schedule ${id} belongs to job ${owner}`)
    }
    const selector = (each: VmSelector): VmSelector => (each.pool === null ? each : { ...each, pool: translate(each.pool) })
    const { id, name, enabled, selection, targets, settings } = given
    return {
      id,
      name,
      enabled,
      settings,
      selection: { include: selection.include.map(selector), exclude: selection.exclude.map(selector) },
      targets: targets.map(({ pool, sr }): Target => ({ pool: translate(pool), sr })),
      schedules: given.schedules,
      turned: before?.turned ?? [],
      createdAt: before?.createdAt ?? now,
      updatedAt: now,
      version: before?.version ?? 1,
    }
  })
}

/** A pool of the document as it is known here: by its id, else by its own uuid. */
function poolNames(document: JobsDocument, pools: readonly PoolRecord[]): (id: string) => string {
  return (id) => {
    if (pools.some((pool) => pool.id === id)) return id
    const described = document.pools.find((pool) => pool.id === id)
    const here = pools.find(({ poolUuid }) => poolUuid === described?.poolUuid)
    if (here !== undefined) return here.id
    const name = described === undefined ? id : `"${described.name}" (${described.url})`
    throw new Failure(
      'DOCUMENT_INVALID',
      `a job names pool ${name}, which is not registered here`,
      'add that pool first, then import again',
    )
  }
}

function poolsOf({ selection, targets }: Job): string[] {
  const selected = [...selection.include, ...selection.exclude].flatMap(({ pool }) => pool ?? [])
  return [...selected, ...targets.map(({ pool }) => pool)]
}
