/** Where a replica's network interfaces go. Nothing is guessed: the same network, the same name and VLAN, what was asked for, or none. */
import type { Reason } from './base.ts'
import type { NetworkFacts, SourceVif } from './observation.ts'

export interface VifPlan {
  readonly device: string
  readonly mac: string
  readonly mtu: number
  readonly sourceNetwork: string
  /** uuid of the target's network; null: the replica has no such interface until somebody maps the network. */
  readonly targetNetwork: string | null
  readonly reason: Reason
}

/** @param mapping source network uuid → target network uuid, or null to leave it disconnected */
export function planVifs(
  vifs: readonly SourceVif[],
  source: readonly NetworkFacts[],
  target: readonly NetworkFacts[],
  mapping: ReadonlyMap<string, string | null>,
): VifPlan[] {
  return [...vifs]
    .sort((a, b) => Number(a.device) - Number(b.device))
    .map((vif) => {
      const { device, mac, mtu, network } = vif
      return { device, mac, mtu, sourceNetwork: network, ...place(network, source, target, mapping) }
    })
}

function place(
  uuid: string,
  source: readonly NetworkFacts[],
  target: readonly NetworkFacts[],
  mapping: ReadonlyMap<string, string | null>,
): { targetNetwork: string | null; reason: Reason } {
  const asked = mapping.get(uuid)
  if (asked === null) return { targetNetwork: null, reason: { code: 'left-disconnected', text: 'left disconnected, as the job asks' } }
  if (asked !== undefined) return { targetNetwork: asked, reason: { code: 'mapped', text: 'mapped by the job' } }
  if (target.some((network) => network.uuid === uuid)) {
    return { targetNetwork: uuid, reason: { code: 'same-network', text: 'the same network: source and target are one pool' } }
  }
  const from = source.find((network) => network.uuid === uuid)
  const alike = from === undefined ? [] : target.filter(({ name, vlan }) => name === from.name && vlan === from.vlan)
  const [only] = alike
  if (only !== undefined && alike.length === 1) {
    return { targetNetwork: only.uuid, reason: { code: 'same-name-and-vlan', text: `"${only.name}" has the same name and VLAN` } }
  }
  const name = from?.name ?? uuid
  const text =
    alike.length > 1
      ? `${alike.length} networks of the target are called "${name}" on the same VLAN`
      : `the target has no network "${name}" on the same VLAN`
  return {
    targetNetwork: null,
    reason: { code: 'no-counterpart', text, avoid: `map it: --network ${uuid}=TARGET_NETWORK_UUID, or =none to leave it disconnected` },
  }
}
