/** What a VM run that is queued waits for, in words. */
import type { RunQueue } from '../../core/control/run-queue.ts'

type Obstacle = NonNullable<ReturnType<RunQueue['obstacleOf']>>

const WORDS: { readonly [K in Obstacle['kind']]: (id: string) => string } = {
  server: () => 'the limit of VM runs of the server',
  run: () => 'the limit of VMs at once of its job',
  pool: (id) => `the limit of VM runs of pool ${id}`,
  sr: (id) => `the limit of VM runs of storage ${id}`,
  'held-pool': (id) => `the end of maintenance of pool ${id}`,
  vm: () => 'what else works on the same VM: a run, or a failover',
}

export const waitingFor = (obstacle: Obstacle): string => WORDS[obstacle.kind]('id' in obstacle ? obstacle.id : '')
