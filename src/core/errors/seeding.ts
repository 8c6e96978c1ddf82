import type { ErrorArea } from './entry.ts'

/** A first copy made by hand can't be linked: nothing was changed. */
export const SEEDING = {
  SEED_SNAPSHOT_UNUSABLE: {
    title: 'this snapshot can not be the base of a chain',
    cause: 'it is none, the VM that it was taken of is gone, or its data is',
    hint: 'name the snapshot that was exported, or take a new one and seed with that',
    status: 422,
  },
  SEED_VM_UNUSABLE: {
    title: 'this VM can not become a replica',
    cause: 'there is none with this uuid, it is a snapshot or a template of the pool, or its disks are on several storage repositories',
    hint: 'name the VM that the import made',
    status: 422,
  },
  SEED_VM_NOT_HALTED: {
    title: 'the seed is running, paused or suspended',
    hint: 'make the copy again from the snapshot: what it wrote makes it differ from its source',
    status: 409,
  },
  SEED_VM_WAS_STARTED: {
    title: 'the seed was started since it was imported',
    hint: 'make the copy again from the snapshot, or compare all of it: --verify full',
    status: 409,
  },
  SEED_VM_TAKEN: {
    title: 'the VM is a replica of another chain, or one of its disks is attached to another VM',
    hint: 'make another copy of the snapshot for this job',
    status: 409,
  },
  SEED_CHAIN_EXISTS: {
    title: 'the job has a replica of this VM on the storage already',
    hint: 'run the job: it sends a delta',
    status: 409,
  },
  SEED_DISKS_DIFFER: {
    title: 'the disks do not pair up in number, position and size',
    hint: 'export the snapshot with all its disks and import it again',
    status: 422,
  },
  SEED_CONTENT_DIFFERS: {
    title: 'a disk of the seed is not equal to that of the snapshot',
    hint: 'export the snapshot and import it again; do not start the VM in between',
    status: 409,
  },
  SEED_FOLDER_UNUSABLE: {
    title: 'the folder for the seed can not be read or written',
    hint: 'check that it exists, its permissions and the free space; then run the same command again, it goes on where it stopped',
    status: 422,
  },
  SEED_FOLDER_DAMAGED: {
    title: 'what is in the folder is no seed, or was damaged on its way',
    hint: 'copy it once more from where it was exported to, or export it again',
    status: 422,
  },
  SEED_FOLDER_INCOMPLETE: {
    title: 'the export of the seed did not end',
    hint: 'run the same seed export again, it goes on where it stopped; then copy the folder once more',
    status: 422,
  },
  SEED_FOLDER_TAKEN: {
    title: 'the folder holds the seed of another VM or snapshot',
    hint: 'name an empty folder',
    status: 409,
  },
} as const satisfies ErrorArea
