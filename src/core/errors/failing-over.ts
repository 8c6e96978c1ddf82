import type { ErrorArea } from './entry.ts'

/** Starting what a replica holds: clones, tests, failovers. */
export const FAILING_OVER = {
  RESTORE_POINT_INCOMPLETE: {
    title: 'the restore point lacks a disk that its marks promise',
    hint: 'use another restore point: xe snapshot-list on the target lists them',
    status: 409,
  },
  NO_MEMORY_KEPT: {
    title: 'the restore point keeps no memory that a copy could go on with',
    hint: 'clone it without --memory: it starts afresh; runs with --memory keep it from then on',
    status: 409,
  },
  VM_NOT_STARTED: {
    title: 'the pool refused to start the VM',
    hint: 'mend what the message says, then do it again',
    status: 409,
  },
  NOT_CONFIRMED: {
    title: 'nobody agreed to what was shown',
    hint: 'agree to it on a terminal, or with --yes',
    status: 409,
  },
  SOURCE_RUNS: {
    title: 'the source VM still runs: two VMs with one identity would',
    hint: 'shut it down, or fail over as planned, which loses nothing; or accept it: --even-if-source-runs',
    status: 409,
  },
  TURNED_ROUND: {
    title: 'the VM that failed over is protected in the other direction by now',
    hint: 'go back with understudy failback',
    status: 409,
  },
  ORIGINAL_CHANGED: {
    title: 'the original VM was written to while it was being made the replica',
    hint: 'see who uses its disks, then do it again',
    status: 409,
  },
  STORAGE_NOT_NAMED: {
    title: 'the original is gone, so nothing says where the way back leads',
    hint: 'name a storage repository of its pool: --back-sr',
    status: 409,
  },
  SHUTDOWN_NOT_POSSIBLE: {
    title: 'the source can not be shut down cleanly',
    hint: 'shut it down yourself and do it again, or cut its power with --hard-shutdown',
    status: 409,
  },
  SHUTDOWN_FAILED: {
    title: 'the source did not shut down, or came up again',
    hint: 'shut it down yourself and do it again, or cut its power with --hard-shutdown',
    status: 409,
  },
  REPLICA_NOT_UP: {
    title: 'the replica was started, but did not come up as asked',
    hint: 'see why with a test failover, then do it again',
    status: 409,
  },
  ROLL_BACK_FAILED: {
    title: 'a planned failover failed, and so did taking it back',
    hint: 'do the same again once the pools answer: it goes on from there; or understudy failover undo',
    status: 502,
  },
  RECOVERY_PLAN_INVALID: {
    title: 'a recovery plan is not one',
    hint: 'mend what the message names: docs/failover.md tells what a plan looks like',
    status: 422,
  },
  START_BLOCKED: {
    title: 'somebody else has blocked the start of the replica',
    hint: 'take that away when it may start (xe vm-param-remove param-name=blocked-operations)',
    status: 409,
  },
  PLAN_CHANGED: {
    title: 'something changed since the plan was shown',
    hint: 'look at the plan again',
    status: 409,
  },
  REPLICA_NOT_FOUND: {
    title: 'there is no replica of this VM that could take over',
    hint: 'fail over to a clone of a restore point: --clone',
    status: 404,
  },
  REPLICA_NOT_RUNNING: {
    title: 'the replica does not run, so it can not be taken as it runs',
    hint: 'leave out --as-it-runs: then it is started',
    status: 409,
  },
  ALREADY_FAILED_OVER: {
    title: 'the replica has failed over already',
    hint: 'start it as any VM if it is down; understudy failover status tells more',
    status: 409,
  },
  NOT_FAILED_OVER: {
    title: 'no VM of this pool has failed over from that one',
    hint: 'understudy failover status lists those that have',
    status: 404,
  },
  FAILOVER_NOT_NAMED: {
    title: 'several VMs have failed over from that one',
    hint: 'name one with --failed-over',
    status: 409,
  },
} as const satisfies ErrorArea
