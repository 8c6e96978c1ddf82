/** The restore point that an operation starts from, and its networks, as plain facts. */
import type { CopyNetwork, CopyVif } from '../../core/failover/copy-networks.ts'
import { Failure } from '../../core/failure.ts'
import type { Ref } from '../../xapi/ref.ts'
import { findByUuid, type PoolView } from '../pool-view.ts'
import { type FoundPoint, findPoint, type WantedPoint } from '../proof/find-point.ts'

export interface StartingPoint extends FoundPoint {
  readonly ref: Ref<'VM'>
  readonly vifs: readonly CopyVif[]
  readonly networks: readonly CopyNetwork[]
}

/** Throws Failure RESTORE_POINT_NOT_FOUND, JOB_NOT_NAMED, RESTORE_POINT_INCOMPLETE. */
export async function startingPoint(view: PoolView, wanted: WantedPoint): Promise<StartingPoint> {
  const found = await findPoint(view, wanted)
  if (!found.point.complete) {
    throw new Failure(
      'RESTORE_POINT_INCOMPLETE',
      `"${found.point.name}" lacks a disk that its marks promise`,
      'use another restore point: xe snapshot-list on the target lists them',
    )
  }
  const ref = findByUuid(view.VM, found.point.uuid)?.[0] as Ref<'VM'>
  const vifs = found.record.VIFs.flatMap((each): CopyVif[] => {
    const vif = view.VIF.get(each)
    return vif === undefined ? [] : [{ device: vif.device, mac: vif.MAC, network: view.network.get(vif.network)?.uuid ?? '' }]
  })
  return { ...found, ref, vifs, networks: copyNetworks(view) }
}

/** @param except a VM that will be down by then */
export function copyNetworks(view: PoolView, except?: Ref<'VM'>): CopyNetwork[] {
  return [...view.network.values()].map((network) => ({
    uuid: network.uuid,
    name: network.name_label,
    physical: network.PIFs.length > 0,
    macs: network.VIFs.flatMap((each) => {
      const vif = view.VIF.get(each)
      return vif?.currently_attached && vif.VM !== except ? [vif.MAC.toLowerCase()] : []
    }),
  }))
}
