/** Why there can be no run at all, as far as what was seen on both pools tells. Pure. */
import { isBroken } from './broken-chain.ts'
import { judgeChains } from './chain-health.ts'
import { exclusion } from './exclusion.ts'
import type { SourceFacts, TargetFacts } from './observation.ts'
import type { DiskPlan } from './plan.ts'

export interface Refusal {
  readonly code:
    | 'source-is-replica'
    | 'source-busy'
    | 'replica-in-use'
    | 'replica-failed-over'
    | 'shared-disk'
    | 'resetting-disk'
    | 'usb-device'
    | 'chain-too-long'
    | 'full-refused'
    | 'foreign-disk'
    | 'network-not-found'
    | 'no-space'
    | 'disk-too-large'
    | 'no-snapshots'
  readonly text: string
  readonly hint: string
}

/** What no setting of the run could change. */
export function refuse(source: SourceFacts, target: TargetFacts): Refusal | undefined {
  if (source.isReplica) {
    return {
      code: 'source-is-replica',
      text: `"${source.name}" is itself a replica`,
      hint: 'replicate the VM it is a copy of, or fail over to it first',
    }
  }
  if (source.busyWith !== undefined) {
    return {
      code: 'source-busy',
      text: `"${source.name}" is in the middle of ${source.busyWith}`,
      hint: 'run again when that has ended',
    }
  }
  const shared = source.disks.find((disk) => disk.sharable && exclusion(disk) === undefined)
  if (shared !== undefined) {
    return {
      code: 'shared-disk',
      text: `disk ${shared.userdevice} ("${shared.name}") is shared between VMs and can't be snapshotted`,
      hint: 'replicate what uses it by other means, or exclude the disk with [NOBAK] in its name',
    }
  }
  const resetting = source.disks.find((disk) => disk.resets && exclusion(disk) === undefined)
  if (resetting !== undefined) {
    return {
      code: 'resetting-disk',
      text: `disk ${resetting.userdevice} ("${resetting.name}") is reset at each boot and can't be snapshotted`,
      hint: 'set its on_boot to persist, or exclude it with [NOBAK] in its name',
    }
  }
  if (source.usb) {
    return {
      code: 'usb-device',
      text: `"${source.name}" has a USB device passed through, and XAPI refuses to snapshot it`,
      hint: 'detach the USB device (xe vusb-destroy), or attach it only while it is needed',
    }
  }
  const chains = [judgeChains('source', source.disks), judgeChains('target', target.replica?.disks ?? [])] as const
  for (const [nth, { full }] of chains.entries()) {
    if (full === undefined) continue
    return {
      code: 'chain-too-long',
      text: `disk ${full.userdevice} ("${full.name}") on the ${nth === 0 ? 'source' : 'target'} is a chain of ${full.chainDepth} images: the storage refuses another snapshot`,
      hint:
        nth === 0
          ? 'delete snapshots of the VM and give the storage time to coalesce'
          : 'keep fewer restore points and give the storage time to coalesce',
    }
  }
  const failedOver = target.replica?.failedOver
  if (failedOver !== undefined) {
    return {
      code: 'replica-failed-over',
      text: `the replica "${target.replica?.name}" has failed over (${failedOver.kind}, ${failedOver.at}): what it holds is newer than the source`,
      hint: 'turn the protection round (understudy failover reprotect), go back (understudy failback), or give up what it wrote (understudy failover undo)',
    }
  }
  if (target.replica !== undefined && target.replica.powerState !== 'Halted') {
    return {
      code: 'replica-in-use',
      text: `the replica "${target.replica.name}" is ${target.replica.powerState.toLowerCase()}`,
      hint: 'to keep what it writes, replicate to another SR, or copy it first; once it is shut down, the next run discards what it wrote',
    }
  }
  if (target.replica !== undefined && !target.replica.protected) {
    return {
      code: 'replica-in-use',
      text: `the start of the replica "${target.replica.name}" is no longer blocked: somebody took it over`,
      hint: 'block its start again (xe vm-param-set uuid=… blocked-operations:start=replica) to have it overwritten, or keep it and replicate to another SR',
    }
  }
  const taken = new Set(source.disks.filter((disk) => exclusion(disk) === undefined).map(({ userdevice }) => userdevice))
  const foreign = target.replica?.disks.find(({ ours, userdevice }) => !ours && taken.has(userdevice))
  if (foreign !== undefined) {
    return {
      code: 'foreign-disk',
      text: `the replica holds a disk that is not its own at position ${foreign.userdevice} (${foreign.uuid})`,
      hint: 'detach it from the replica, then run again',
    }
  }
  const held = target.replica?.disks.find(({ ours, heldBy }) => ours && heldBy.length > 0)
  if (held !== undefined) {
    return {
      code: 'replica-in-use',
      text: `disk ${held.userdevice} of the replica (${held.uuid}) is attached to "${held.heldBy.join('", "')}" as well`,
      hint: 'detach it there, and attach a clone of a restore point’s disk instead',
    }
  }
  return undefined
}

/** A mapping that leads nowhere is a mistake to tell before anything is made. */
export function refuseMapping(target: TargetFacts, networks: ReadonlyMap<string, string | null>): Refusal | undefined {
  const missing = [...networks.values()].find((uuid) => uuid !== null && !target.networks.some((network) => network.uuid === uuid))
  if (missing === undefined) return undefined
  return {
    code: 'network-not-found',
    text: `the target pool has no network ${missing}`,
    hint: 'correct the mapping of networks (--network)',
  }
}

/** G6: a job can ask before a full copy that it did not expect. */
export function refuseFull(source: SourceFacts, disks: readonly DiskPlan[], target: TargetFacts): Refusal | undefined {
  const broken = source.disks.flatMap((disk) => {
    const plan = disks.find((candidate) => candidate.source === disk.uuid)
    return plan === undefined || plan.mode === 'skipped' || !isBroken(plan.choice, disk, target.restorePoints) ? [] : [plan]
  })
  if (broken.length === 0) return undefined
  return {
    code: 'full-refused',
    text: `a full copy would be needed: ${broken.map(({ userdevice, reason }) => `disk ${userdevice}: ${reason.text}`).join('; ')}`,
    hint: 'allow it with --on-broken-chain full, or have only the differences sent with --on-broken-chain repair',
  }
}
