/** Figures of this moment, asked of the control plane when somebody looks. */
import type { Protection } from '../../core/control/protection.ts'
import type { ControlPlane } from '../../jobs/control-plane.ts'
import type { ApiContext } from '../api-context.ts'
import type { Family, Sample } from './exposition.ts'

const LARGEST_PAGE = 500

export async function collect(api: ApiContext): Promise<Family[]> {
  const { plane } = api
  const [pools, counts, protections] = await Promise.all([plane.pools.list(), plane.replicas.counts(), allProtections(plane)])
  const { queued, running, schedulerLagMs, databaseOk, ready } = plane.health()
  const gauge = (name: string, help: string, samples: readonly Sample[]): Family => ({ name, help, type: 'gauge', samples })
  const one = (value: number) => [{ value }]
  const ofVm = (value: (protection: Protection) => number | null): Sample[] =>
    protections.flatMap((protection) => {
      const seconds = value(protection)
      return seconds === null ? [] : [{ labels: labelsOf(protection), value: seconds }]
    })
  return [
    gauge('understudy_build_info', 'The version that runs', [{ labels: { version: api.version, node: process.version }, value: 1 }]),
    gauge('understudy_ready', '1 while runs begin by themselves', one(ready ? 1 : 0)),
    gauge('understudy_database_ok', '1 while the database can be used', one(databaseOk ? 1 : 0)),
    gauge('understudy_queued_vm_runs', 'VM runs that wait', one(queued)),
    gauge('understudy_running_vm_runs', 'VM runs under way', one(running)),
    gauge('understudy_scheduler_lag_seconds', 'How late the scheduler was last', one(schedulerLagMs / 1000)),
    gauge('understudy_event_streams', 'Open streams of live events', one(api.streams.size)),
    gauge(
      'understudy_vms',
      'VMs by their state of protection',
      Object.entries(counts).map(([state, value]) => ({ labels: { state }, value })),
    ),
    gauge(
      'understudy_rpo_asked_seconds',
      'The RPO that is asked for',
      ofVm(({ askedRpoSeconds }) => askedRpoSeconds),
    ),
    gauge(
      'understudy_rpo_age_seconds',
      'Age of the newest restore point, by its source snapshot',
      ofVm(({ achievedRpoSeconds }) => achievedRpoSeconds),
    ),
    gauge(
      'understudy_health_check_ok',
      '1 when the last test failover that began by itself passed',
      ofVm(({ lastHealthCheck }) => (lastHealthCheck === null ? null : lastHealthCheck.ok ? 1 : 0)),
    ),
    gauge(
      'understudy_health_check_timestamp_seconds',
      'When the last test failover that began by itself was begun',
      ofVm(({ lastHealthCheck }) => (lastHealthCheck === null ? null : Math.round(Date.parse(lastHealthCheck.at) / 1000))),
    ),
    gauge(
      'understudy_health_check_rto_seconds',
      'Recovery time that it achieved',
      ofVm(({ lastHealthCheck }) => lastHealthCheck?.rtoSeconds ?? null),
    ),
    gauge(
      'understudy_pool_connected',
      '1 while a pool is connected',
      pools.map(({ id, name, state }) => ({ labels: { pool: id, name }, value: state === 'connected' ? 1 : 0 })),
    ),
    gauge('process_resident_memory_bytes', 'Memory of the process', one(process.memoryUsage.rss())),
    gauge('process_start_time_seconds', 'When the process started', one(Math.round(Date.now() / 1000 - process.uptime()))),
    {
      name: 'process_cpu_seconds_total',
      help: 'Processor time of the process',
      type: 'counter',
      samples: one((process.cpuUsage().user + process.cpuUsage().system) / 1e6),
    },
  ]
}

async function allProtections(plane: ControlPlane): Promise<Protection[]> {
  const out: Protection[] = []
  for (let after: string | undefined; ; ) {
    const page = await plane.replicas.protection({ limit: LARGEST_PAGE, ...(after === undefined ? {} : { after }) })
    out.push(...page.items)
    if (page.next === null) return out
    after = page.next
  }
}

const labelsOf = ({ vm, job, jobName, target }: Protection): Record<string, string> => ({
  vm: vm.uuid,
  vm_name: vm.name,
  job: job ?? '',
  job_name: jobName ?? '',
  target_pool: target?.pool ?? '',
  target_sr: target?.sr ?? '',
})
