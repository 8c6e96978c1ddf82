import type { ErrorArea } from './entry.ts'

/** Long operations of the server that are no runs. */
export const ACTIVITIES = {
  ACTIVITY_NOT_FOUND: {
    title: 'there is no such activity',
    cause: 'activities are kept as long as runs are, as the settings of the server say',
    hint: 'look it up with understudy activity list',
    status: 404,
  },
  ACTIVITY_OVER: {
    title: 'this activity can not be gone on with',
    cause: 'it was not interrupted, or another one went on from there already',
    hint: 'see how things stand with understudy replica status',
    status: 409,
  },
  VM_BUSY: {
    title: 'something else works on this VM, plan or seed at this moment',
    hint: 'wait for its end, or cancel it: the message says what it is',
    status: 409,
  },
  CONFIRMATION_NEEDED: {
    title: 'the name of what is to be acted on was not typed',
    hint: 'give the name that the preview shows, as it is written there',
    status: 422,
  },
  SCRIPT_NOT_ALLOWED: {
    title: 'only administrators name programs on the manager',
    cause: 'such a program runs as the server does, with all that it can read and change',
    hint: 'use another check, or have an administrator put the program into a recovery plan',
    status: 403,
  },
  SOURCE_POOL_UNKNOWN: {
    title: 'no connected pool has the source VM',
    hint: 'look at the pools with understudy pool list; if the source is gone, fail over unplanned',
    status: 409,
  },
  RECOVERY_PLAN_NOT_FOUND: { title: 'there is no such recovery plan', hint: 'look it up with understudy plan list', status: 404 },
  RECOVERY_PLAN_CHANGED: {
    title: 'somebody else changed the recovery plan in the meantime',
    hint: 'look at the plan as it is now, and make the change again',
    status: 412,
  },
  SEED_FOLDER_NOT_FOUND: {
    title: "there is no such seed in the server's folder",
    hint: 'look it up with understudy seed list; copy the folder that was carried over into the folder for seeds',
    status: 404,
  },
  SEEDS_NOT_KEPT: {
    title: 'this server has no folder for seeds',
    hint: 'start it with --seeds, or with a data folder',
    status: 409,
  },
  ACTIVITY_BROKEN: {
    title: 'something that nobody planned for ended the activity',
    hint: 'look into its timeline, and report it; the state of the pools is shown by understudy replica status',
    status: 500,
  },
} as const satisfies ErrorArea
