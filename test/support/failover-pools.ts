/** Looks straight into simulated pools: which VMs of one identity run, and which objects nothing accounts for. */
import assert from 'node:assert/strict'
import type { FailoverSurvey } from '../../src/replication/failover/survey.ts'
import type { StartedPool } from './lab.ts'

const CLASSES = ['VM', 'VDI', 'network'] as const
type Row = { readonly [key: string]: unknown }

/** References that were there before. */
export type Baseline = ReadonlySet<string>

const rows = (pool: StartedPool, name: (typeof CLASSES)[number] | 'VBD'): [string, Row][] =>
  pool.pool.db.refs(name).flatMap((ref): [string, Row][] => {
    const row = pool.pool.db.find(name, ref) as Row | undefined
    return row === undefined ? [] : [[ref, row]]
  })

export const baselineOf = (pool: StartedPool): Baseline => new Set(CLASSES.flatMap((name) => rows(pool, name).map(([ref]) => ref)))

const configOf = (row: Row) => (row.other_config ?? {}) as Record<string, string>
const isTest = (row: Row) => (configOf(row)['understudy:copy'] ?? '').includes('"kind":"test"')

/** The VM and whatever took over from it, or is to, as far as they run. Copies on isolated networks are not of its identity. */
export function runningOfOne(pools: readonly StartedPool[], vm: string, job: string): string[] {
  return pools.flatMap((pool) => {
    try {
      return rows(pool, 'VM').flatMap(([, row]) => {
        const config = configOf(row)
        const ofChain = ['understudy:replica', 'understudy:failover'].some((key) => config[key]?.includes(job))
        const mine = row.uuid === vm || (ofChain && row.is_a_snapshot !== true && !isTest(row))
        return mine && row.power_state !== 'Halted' ? [`"${row.name_label}" on ${pool.name}`] : []
      })
    } catch {
      // Its toolstack is starting again.
      return []
    }
  })
}

/** uuids of what a survey names. */
export const savedBy = ({ failedOver, handedOver, tests, leftOvers }: FailoverSurvey): string[] => [
  ...failedOver.flatMap(({ uuid, mark }) => (mark.base === undefined ? [uuid] : [uuid, mark.base])),
  ...handedOver.map(({ uuid }) => uuid),
  ...tests.map(({ record }) => record.uuid),
  ...leftOvers.map(({ uuid }) => uuid),
]

/**
 * Everything new is a VM of the chain (source, replica, restore point, snapshot of a run), named, or a disk or network of one of these; or a
 * disk with the chain's own marks, which the next run removes.
 */
export function assertAccounted(pool: StartedPool, baseline: Baseline, job: string, named: readonly string[]): void {
  const strays: string[] = []
  const known = new Set<unknown>(named)
  const vms = rows(pool, 'VM').filter(([ref]) => !baseline.has(ref))
  const mine = new Set<string>()
  for (const [ref, row] of vms) {
    const config = configOf(row)
    const ofChain =
      (row.is_a_snapshot === true && (config['xo:backup:job'] === job || String(row.name_label).startsWith(`understudy ${job} `))) ||
      (config['understudy:replica']?.includes(job) === true && config['understudy:replica'].includes(String(row.uuid)))
    // A base snapshot of a VM that is being got ready is named with it.
    const ofNamed = row.is_a_snapshot === true && vms.some(([of, { uuid }]) => of === row.snapshot_of && known.has(uuid))
    if (known.has(row.uuid) || ofChain || ofNamed) mine.add(ref)
    else strays.push(`VM "${row.name_label}"`)
  }
  const attached = new Set(rows(pool, 'VBD').flatMap(([, row]) => (mine.has(String(row.VM)) ? [row.VDI] : [])))
  for (const [ref, row] of rows(pool, 'VDI')) {
    const marked =
      Object.values(configOf(row)).some((value) => value.includes(job)) || String(row.name_label).startsWith(`understudy ${job}`)
    if (!baseline.has(ref) && row.managed !== false && !attached.has(ref) && !marked) strays.push(`disk "${row.name_label}" ${row.uuid}`)
  }
  const taken = new Set(pool.pool.db.refs('VIF').map((ref) => (pool.pool.db.find('VIF', ref) as Row | undefined)?.network))
  for (const [ref, row] of rows(pool, 'network')) {
    if (!baseline.has(ref) && !known.has(row.uuid) && !taken.has(ref)) strays.push(`network "${row.name_label}"`)
  }
  assert.deepEqual(strays, [], `left on ${pool.name} and named by nobody`)
}

/** Back to how it was. */
export async function removeAllBut(pool: StartedPool, baseline: Baseline): Promise<void> {
  for (const [ref, row] of rows(pool, 'VM')) {
    if (baseline.has(ref)) continue
    await pool.pool.invoke('VM.set_blocked_operations', ref, {})
    if (row.power_state !== 'Halted') await pool.pool.invoke('VM.hard_shutdown', ref)
    await pool.pool.invoke('VM.destroy', ref)
  }
  for (const [ref, row] of rows(pool, 'VDI')) {
    if (!baseline.has(ref) && row.managed !== false) await pool.pool.invoke('VDI.destroy', ref).catch(() => undefined)
  }
  for (const [ref] of rows(pool, 'network')) if (!baseline.has(ref)) await pool.pool.invoke('network.destroy', ref)
  pool.pool.db.commit()
}
