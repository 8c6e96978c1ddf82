import type { ErrorArea } from './entry.ts'

/** What is defined: jobs, schedules, settings, channels. */
export const DEFINING = {
  JOB_NOT_FOUND: { title: 'there is no such job', hint: 'look it up with understudy job list', status: 404 },
  SCHEDULE_NOT_FOUND: { title: 'the job has no such schedule', hint: 'look it up with understudy job show', status: 404 },
  JOB_INVALID: { title: 'the job or schedule says something that can not be', hint: 'correct what is named', status: 422 },
  JOB_CHANGED: {
    title: 'somebody else changed the job in the meantime',
    hint: 'look at the job as it is now, and make the change again',
    status: 412,
  },
  JOB_EXISTS: {
    title: 'an id in the document is that of a job or schedule that exists already',
    hint: 'import with replace to overwrite the same job, or take the id out of the document',
    status: 409,
  },
  DOCUMENT_INVALID: { title: 'this is no document of exported jobs', hint: 'take a file that understudy job export wrote', status: 422 },
  SETTINGS_INVALID: { title: 'a setting of the server is out of its range', hint: 'correct what is named', status: 422 },
  CHANNEL_NOT_FOUND: { title: 'there is no such channel for notifications', hint: 'look it up in the settings', status: 404 },
  CHANNEL_INVALID: { title: 'the channel for notifications says something that can not be', hint: 'correct what is named', status: 422 },
} as const satisfies ErrorArea

/** Runs as the server carries them out. */
export const CARRYING_OUT = {
  RUN_NOT_FOUND: {
    title: 'there is no such run or VM run',
    cause: 'runs are kept for as many days as the settings of the server say',
    hint: 'look it up with understudy run list',
    status: 404,
  },
  VM_NOT_CHOSEN: { title: 'the job does not choose this VM', hint: 'see what it chooses with understudy job preview', status: 422 },
  RUN_TIMED_OUT: {
    title: 'the VM run took longer than its job allows',
    hint: 'give the job a longer timeout, or look for what made it slow; the next run goes on from there',
    status: 504,
  },
  IN_MAINTENANCE: {
    title: 'a maintenance window keeps runs from beginning',
    hint: 'wait for its end, or end it in the settings',
    status: 409,
  },
  SERVER_CLOSING: { title: 'the server is shutting down', hint: 'wait until it has started again', status: 503 },
  RUN_BROKEN: {
    title: 'something that nobody planned for ended the run',
    hint: 'look into its log, and report it; the last restore point is untouched',
    status: 500,
  },
} as const satisfies ErrorArea
