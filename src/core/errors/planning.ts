import type { ErrorArea } from './entry.ts'

/** The plan refuses the run: nothing was changed on either side. */
export const PLANNING = {
  VM_NOT_FOUND: {
    title: 'the source pool has no VM with this uuid',
    hint: 'look it up with xe vm-list, or check the pool',
    status: 404,
  },
  VM_NOT_REPLICABLE: {
    title: 'this is no VM that can be replicated',
    cause: 'the uuid is that of a template, a snapshot or a control domain',
    hint: 'name a VM',
    status: 422,
  },
  SR_NOT_FOUND: {
    title: 'the target pool has no storage repository with this uuid',
    hint: 'look it up with xe sr-list, or check the pool',
    status: 404,
  },
  SR_NOT_USABLE: {
    title: 'the storage repository can hold no replica',
    cause: 'it holds ISO images, is connected to no host, or gives new disks with old content',
    hint: 'name another storage repository, or plug it (xe pbd-plug)',
    status: 422,
  },
  SOURCE_IS_REPLICA: {
    title: 'the VM is itself a replica',
    cause: 'its start is blocked by a replication',
    hint: 'replicate the VM that it is a copy of',
    status: 409,
  },
  SOURCE_BUSY: {
    title: 'the VM is being migrated, exported, copied or cloned',
    hint: 'run again when that has ended',
    status: 409,
  },
  SHARED_DISK: {
    title: 'a disk is shared between VMs and can not be snapshotted',
    hint: 'put [NOBAK] into its name to leave it out',
    status: 422,
  },
  RESETTING_DISK: {
    title: 'a disk is reset at each boot and can not be snapshotted',
    hint: 'set its on_boot to persist, or put [NOBAK] into its name to leave it out',
    status: 422,
  },
  USB_DEVICE: {
    title: 'a USB device is passed through, and XAPI refuses to snapshot such a VM',
    hint: 'take it off the VM (xe vusb-destroy)',
    status: 422,
  },
  CHAIN_TOO_LONG: {
    title: 'a disk is a chain of as many images as its storage allows',
    hint: 'on the source delete snapshots and let the storage coalesce; on the target keep fewer restore points',
    status: 409,
  },
  NO_SPACE: {
    title: 'the target storage has less room than the run needs at least',
    hint: 'free space on it, or replicate to another one',
    status: 507,
  },
  DISK_TOO_LARGE: {
    title: 'a disk is larger than the target storage can hold',
    hint: 'replicate to storage with qcow2 images, or put [NOBAK] into its name to leave it out',
    status: 422,
  },
  NO_SNAPSHOTS: {
    title: 'the target storage takes no snapshots, so that it can keep no restore point',
    hint: 'replicate to another storage repository',
    status: 422,
  },
  FULL_REFUSED: {
    title: 'a disk would have to be sent whole, which is not allowed',
    hint: 'mend what is named, or allow it with --on-broken-chain full or repair',
    status: 409,
  },
  RUN_UNDER_WAY: {
    title: 'another run of the same VM and job to the same storage is under way',
    hint: 'wait for it to end, then run again',
    status: 409,
  },
  REPLICA_FAILED_OVER: {
    title: 'the replica has failed over: it is the VM that is worked with',
    hint: 'turn the protection round, go back, or undo the failover',
    status: 409,
  },
  REPLICA_IN_USE: {
    title: 'somebody uses the replica',
    cause: 'it is not halted, its start is no longer blocked, or one of its disks is attached to another VM',
    hint: 'shut it down and block its start again to give up what was written on it, or replicate to another storage or under another job',
    status: 409,
  },
} as const satisfies ErrorArea
