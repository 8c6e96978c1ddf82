/** A first copy made by hand: a snapshot of the source, a VM on the target with the same disks; tagged as the original's cr-seed does. */
import type { Ref } from '../../src/xapi/ref.ts'
import type { Adopted } from './adopting.ts'
import { attachedDisks, copyDisk, setKeys } from './original-chain.ts'
import { type MadeVm, withXapi } from './replicating.ts'

export interface Seed {
  /** uuid of the snapshot VM on the source. */
  readonly snapshot: string
  /** uuid of the VM on the target. */
  readonly vm: string
}

/** What both steps of an administrator need of a chain. */
export type Carried = Pick<Adopted, 'source' | 'target' | 'sr'>

/** An administrator's steps. The target VM has no interfaces and is called differently. */
export async function seedByHand(chain: Carried, vm: MadeVm): Promise<Seed> {
  const snapshot = await snapshotByHand(chain, vm)
  return { snapshot, vm: await carryOver(chain, snapshot, vm) }
}

/** Change tracking turned on, and a snapshot of the VM; its uuid. */
export function snapshotByHand({ source: pool }: Pick<Carried, 'source'>, vm: Pick<MadeVm, 'uuid'>): Promise<string> {
  return withXapi(pool, async (source) => {
    const live = await source.byUuid('VM', vm.uuid)
    for (const { ref } of await attachedDisks(source, live)) await source.callAsync('VDI.enable_cbt', [ref])
    const snapshot = (await source.callAsync('VM.snapshot', [live, 'to be carried over'])) as Ref<'VM'>
    return (await source.record('VM', snapshot)).uuid
  })
}

/** A VM on the target with what the disks of the snapshot hold; its uuid. */
export function carryOver(chain: Carried, snapshot: string, { uuid, disks }: Pick<MadeVm, 'uuid' | 'disks'>): Promise<string> {
  return withXapi(chain.source, (source) =>
    withXapi(chain.target, async (target) => {
      const name = `carried over ${uuid}`
      const sizes = disks.map(({ size }) => ({ size, content: 'empty' }))
      const { vm: made } = (await chain.target.post('/vms', { name, disks: sizes, sr: chain.sr })) as { vm: { uuid: string } }
      const copies = await attachedDisks(target, await target.byUuid('VM', made.uuid))
      for (const { userdevice, ref } of await attachedDisks(source, await source.byUuid('VM', snapshot))) {
        const copy = copies.find((candidate) => candidate.userdevice === userdevice)
        if (copy === undefined) throw new Error(`no disk at ${userdevice} on the target`)
        await copyDisk(source, ref, target, copy.ref)
      }
      return made.uuid
    }),
  )
}

/** What xo-cr-seed 1.0.2 writes: on the snapshot VM, the target VM and its disks; nothing on the snapshot's disks. */
export function tagSeed(chain: Adopted, seed: Seed): Promise<void> {
  return withXapi(chain.source, (source) =>
    withXapi(chain.target, async (target) => {
      const ref = await source.byUuid('VM', seed.snapshot)
      const { snapshot_time: time, snapshot_of: of } = await source.record('VM', ref)
      const { uuid, name_label: name } = await source.record('VM', of)
      const keys = {
        ...{ 'xo:backup:datetime': time, 'xo:backup:job': chain.job, 'xo:backup:schedule': chain.schedule, 'xo:backup:vm': uuid },
      }
      await setKeys(source, 'VM', ref, { ...keys, 'xo:backup:exported': 'true' })
      const vm = await target.byUuid('VM', seed.vm)
      await target.call('VM.set_name_label', [vm, `${name} (${time})`])
      await setKeys(target, 'VM', vm, { ...keys, 'xo:backup:sr': chain.sr, 'xo:copy_of': seed.snapshot })
      for (const key of ['start', 'start_on']) await target.call('VM.add_to_blocked_operations', [vm, key, 'clone it to use it'])
      const copies = await attachedDisks(target, vm)
      for (const { userdevice, record } of await attachedDisks(source, ref)) {
        const copy = copies.find((candidate) => candidate.userdevice === userdevice)
        if (copy !== undefined) await setKeys(target, 'VDI', copy.ref, { 'xo:copy_of': record.uuid })
      }
    }),
  )
}
