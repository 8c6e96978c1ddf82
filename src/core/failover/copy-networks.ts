/** Where the interfaces of a clone of a restore point go, and with which MAC. Nothing may meet its original on a network by accident. Pure. */
import type { Reason } from '../base.ts'

export type NetworkChoice =
  /** The networks that the replica is to use. */
  | { readonly kind: 'replica' }
  /** One without a physical interface for each, made for the purpose. */
  | { readonly kind: 'isolated' }
  /** All on this one, by uuid. */
  | { readonly kind: 'one'; readonly network: string }
  | { readonly kind: 'none' }

/** `safe`: kept where nothing else can have it. */
export type MacChoice = 'new' | 'keep' | 'safe'

export interface CopyNetwork {
  readonly uuid: string
  readonly name: string
  /** Whether a physical interface is behind it. */
  readonly physical: boolean
  /** MACs of interfaces that are plugged into it, in lower case. */
  readonly macs: readonly string[]
}

export interface CopyVif {
  readonly device: string
  readonly mac: string
  /** uuid of the restore point's network */
  readonly network: string
}

export interface CopyVifPlan {
  readonly device: string
  /** `new-isolated`: a network to be made, one for each `from`. */
  readonly to:
    | { readonly kind: 'network'; readonly uuid: string; readonly name: string }
    | { readonly kind: 'new-isolated' }
    | { readonly kind: 'none' }
  readonly from: string
  /** Null: a new one. */
  readonly mac: string | null
  readonly reason: Reason
}

/**
 * @param mapping network of the replica (uuid) → network, or null to leave it disconnected; goes before `choice`
 * @returns the plan, or the uuid of a network that is not there
 */
export function planCopyNetworks(
  vifs: readonly CopyVif[],
  networks: readonly CopyNetwork[],
  choice: NetworkChoice,
  mapping: ReadonlyMap<string, string | null>,
  macs: MacChoice,
): { readonly kind: 'plan'; readonly vifs: readonly CopyVifPlan[] } | { readonly kind: 'not-found'; readonly network: string } {
  const named = [...[...mapping.values()].filter((uuid) => uuid !== null), ...(choice.kind === 'one' ? [choice.network] : [])]
  const missing = named.find((uuid) => !networks.some((network) => network.uuid === uuid))
  if (missing !== undefined) return { kind: 'not-found', network: missing }
  const planned = [...vifs]
    .sort((a, b) => Number(a.device) - Number(b.device))
    .map(({ device, mac, network: from }): CopyVifPlan => {
      const asked = mapping.get(from)
      if (asked === null || (asked === undefined && choice.kind === 'none')) {
        return { device, from, to: { kind: 'none' }, mac: null, reason: { code: 'left-disconnected', text: 'left disconnected, as asked' } }
      }
      if (asked === undefined && choice.kind === 'isolated') {
        const kept = macs !== 'new'
        const text = `on an isolated network of its own${kept ? ', with the MAC of the source' : ', with a new MAC'}`
        return { device, from, to: { kind: 'new-isolated' }, mac: kept ? mac : null, reason: { code: 'isolated', text } }
      }
      const uuid = asked ?? (choice.kind === 'one' ? choice.network : from)
      const network = networks.find((candidate) => candidate.uuid === uuid)
      if (network === undefined) {
        const text = 'its network is not there any more: left disconnected'
        return { device, from, to: { kind: 'none' }, mac: null, reason: { code: 'network-gone', text } }
      }
      const { code, why } = judgeMac(mac, network, macs)
      const reason = { code, text: `on "${network.name}", ${why}` }
      return { device, from, to: { kind: 'network', uuid, name: network.name }, mac: code === 'mac-new' ? null : mac, reason }
    })
  return { kind: 'plan', vifs: planned }
}

/** Interfaces that keep a MAC which another VM has plugged into the same network: nothing stands in the way of asking for that, so it is told. */
export function macClashes(vifs: readonly CopyVifPlan[]): Reason[] {
  return vifs.flatMap(({ device, to, mac, reason }) =>
    reason.code !== 'mac-clash' || to.kind !== 'network'
      ? []
      : [
          {
            code: 'mac-clash',
            text: `interface ${device}: another VM that runs on "${to.name}" has MAC ${mac} as well; together they disturb each other`,
            avoid: 'a new MAC (--mac new), another network, or shut the other VM down first',
          },
        ],
  )
}

function judgeMac(
  mac: string,
  network: CopyNetwork,
  choice: MacChoice,
): { readonly code: 'mac-new' | 'mac-kept' | 'mac-clash'; readonly why: string } {
  const taken = network.macs.includes(mac.toLowerCase())
  if (choice === 'new') return { code: 'mac-new', why: 'with a new MAC' }
  if (choice === 'keep')
    return taken
      ? { code: 'mac-clash', why: 'with the MAC of the source, as asked, which ANOTHER VM there has' }
      : { code: 'mac-kept', why: 'with the MAC of the source, as asked' }
  if (network.physical)
    return { code: 'mac-new', why: 'with a new MAC: the network leads out of the pool, where the source may have its own' }
  if (taken) return { code: 'mac-new', why: 'with a new MAC: another VM there has that of the source' }
  return { code: 'mac-kept', why: 'with the MAC of the source: the network is inside the pool, and nobody there has it' }
}
