import type { ErrorArea } from './entry.ts'

/** Starting what a replica holds: clones, tests, failovers. */
export const FAILING_OVER = {
  RESTORE_POINT_INCOMPLETE: {
    title: 'the restore point lacks a disk that its marks promise',
    hint: 'use another restore point: xe snapshot-list on the target lists them',
    status: 409,
  },
  VM_NOT_STARTED: {
    title: 'the pool refused to start the VM',
    hint: 'mend what the message says, then do it again',
    status: 409,
  },
} as const satisfies ErrorArea
