import type { ErrorArea } from './entry.ts'

/** In the middle of a run. */
export const RUNNING = {
  TARGET_SR_FULL: {
    title: 'the target storage is full',
    hint: 'free space on it, keep fewer restore points, or replicate to another one; the last restore point is untouched',
    status: 507,
  },
  SOURCE_SR_FULL: {
    title: 'the storage of the source VM has no room for a snapshot',
    cause: 'on thick storage (LVM) a snapshot needs room for the whole disk',
    hint: 'free space there',
    status: 507,
  },
  DISK_NOT_SNAPSHOTTABLE: {
    title: 'the storage of a disk of the source VM takes no snapshots',
    hint: 'move the disk to another storage repository, or put [NOBAK] into its name to leave it out',
    status: 422,
  },
  VERIFY_DIFFERS: {
    title: "the replica's disk does not read back what was sent",
    hint: 'no restore point was made of it; the last one is untouched. Check the target storage, then run again',
    status: 500,
  },
  NETWORK_NOT_FOUND: {
    title: 'a network that the mapping names is not on the target',
    hint: 'correct the mapping of networks',
    status: 422,
  },
  TARGET_DISK_BUSY: {
    title: 'a disk of the replica is in use by a transfer that does not end, or by another VM',
    hint: 'see what holds it (xe vbd-list vdi-uuid=…), then run again',
    status: 409,
  },
  FOREIGN_DISK: {
    title: 'the replica holds a disk that is not its own where one is to be attached',
    hint: 'detach it from the replica, then run again',
    status: 409,
  },
  RUN_SUPERSEDED: {
    title: 'the run was silent for so long that another one took its place',
    hint: 'see what the other run did',
    status: 409,
  },
  DISK_NOT_SNAPSHOTTED: {
    title: 'the snapshot has no copy of a disk',
    cause: 'the disk was taken off the VM between plan and snapshot',
    hint: 'run again',
    status: 409,
  },
} as const satisfies ErrorArea

/** Checking a restore point. */
export const CHECKING = {
  RESTORE_POINT_NOT_FOUND: {
    title: 'there is no such restore point',
    hint: 'restore points are snapshots of the replica: xe snapshot-list on the target lists them',
    status: 404,
  },
  JOB_NOT_NAMED: {
    title: 'several jobs keep restore points of this VM on this storage',
    hint: 'name one of them',
    status: 409,
  },
} as const satisfies ErrorArea
