import type { ErrorArea } from './entry.ts'

/** The lab that a server has to try things with. */
export const TRYING = {
  LAB_NOT_OFFERED: { title: 'this server has no lab', hint: 'run `understudy lab` and add its pools', status: 404 },
  LAB_NOT_STARTED: {
    title: 'the lab did not start',
    hint: 'see what it says; start it again, or remove it',
    status: 503,
  },
  LAB_NOT_RUNNING: { title: 'the lab does not run', hint: 'start it', status: 409 },
  LAB_IN_USE: {
    title: 'a job of other pools names a pool of the lab',
    hint: 'change or delete the job named, then remove the lab',
    status: 409,
  },
} as const satisfies ErrorArea
