/** Live events, as src/jobs/control-plane.ts has them. */
import Type from 'typebox'
import { activity } from './activity.ts'
import { closed, nullable } from './forms.ts'
import { job } from './job.ts'
import { alert } from './notification.ts'
import { plan } from './plan.ts'
import { poolStatus } from './pool.ts'
import { protection } from './replica.ts'
import { run, vmRun } from './run.ts'

export const serverEvent = Type.Union(
  [
    closed({ kind: Type.Literal('pool'), pool: poolStatus }, { title: 'PoolEvent' }),
    closed({ kind: Type.Literal('pool-removed'), id: Type.String() }, { title: 'PoolRemovedEvent' }),
    closed({ kind: Type.Literal('inventory'), pool: Type.String() }, { title: 'InventoryEvent' }),
    closed({ kind: Type.Literal('job'), job }, { title: 'JobEvent' }),
    closed({ kind: Type.Literal('job-removed'), id: Type.String() }, { title: 'JobRemovedEvent' }),
    closed({ kind: Type.Literal('run'), run }, { title: 'RunEvent' }),
    closed({ kind: Type.Literal('vm-run'), vmRun }, { title: 'VmRunEvent' }),
    closed({ kind: Type.Literal('protection'), protection }, { title: 'ProtectionEvent' }),
    closed({ kind: Type.Literal('protections') }, { title: 'ProtectionsEvent', description: 'the list of them has others than before' }),
    closed({ kind: Type.Literal('alert'), alert }, { title: 'AlertEvent' }),
    closed({ kind: Type.Literal('activity'), activity }, { title: 'ActivityEvent' }),
    closed({ kind: Type.Literal('plan'), plan }, { title: 'PlanEvent' }),
    closed({ kind: Type.Literal('plan-removed'), id: Type.String() }, { title: 'PlanRemovedEvent' }),
    closed(
      {
        kind: Type.Literal('verified'),
        id: Type.String(),
        restorePoint: Type.String(),
        equal: Type.Boolean(),
        error: nullable(Type.String()),
      },
      { title: 'VerifiedEvent' },
    ),
  ],
  { title: 'ServerEvent' },
)
