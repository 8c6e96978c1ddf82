import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planVifs } from './networks.ts'
import type { NetworkFacts } from './observation.ts'

/** `uuid:name:vlan`, or without the VLAN for a network that has no physical interface. */
const networks = (text: string): NetworkFacts[] =>
  text
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => {
      const [uuid, name, vlan] = word.split(':') as [string, string, string | undefined]
      return { uuid, name, vlan: vlan === undefined ? undefined : Number(vlan) }
    })

const vif = (device: string, network: string) => ({ device, mac: `02:00:00:00:00:0${device}`, mtu: 1500, network })

for (const [what, source, target, mapping, placed, code] of [
  ['the same name and VLAN', 's:lan:-1', 't:lan:-1 u:dmz:7', {}, 't', 'same-name-and-vlan'],
  ['the same tagged VLAN', 's:lan:12', 't:lan:-1 u:lan:12', {}, 'u', 'same-name-and-vlan'],
  ['an internal network on an internal one', 's:lan', 't:lan:-1 u:lan', {}, 'u', 'same-name-and-vlan'],
  ['the very same network in one pool', 's:lan:-1', 't:lan:-1 s:lan:-1', {}, 's', 'same-network'],
  ['what the job asks for', 's:lan:-1', 't:lan:-1 u:dmz:7', { s: 'u' }, 'u', 'mapped'],
  ['nowhere when the job asks for that', 's:lan:-1', 't:lan:-1', { s: null }, null, 'left-disconnected'],
  ['nowhere on the same name with another VLAN', 's:lan:12', 't:lan:13', {}, null, 'no-counterpart'],
  ['nowhere on the same VLAN with another name', 's:lan:12', 't:office:12', {}, null, 'no-counterpart'],
  ['nowhere when two fit alike: nothing is guessed', 's:lan:12', 't:lan:12 u:lan:12', {}, null, 'no-counterpart'],
  ['nowhere when its own network is not known', '', 't:lan:12', {}, null, 'no-counterpart'],
] as const) {
  test(`an interface goes on ${what}`, () => {
    const [plan] = planVifs([vif('0', 's')], networks(source), networks(target), new Map(Object.entries(mapping)))
    assert.deepEqual([plan?.targetNetwork, plan?.reason.code], [placed, code])
    assert.equal(plan?.reason.avoid !== undefined, code === 'no-counterpart', 'only what was not asked for can be avoided')
  })
}

test('interfaces are in the order of their devices as numbers, with their MACs', () => {
  const plans = planVifs([vif('10', 's'), vif('2', 's'), vif('0', 's')], networks('s:lan:-1'), networks('t:lan:-1'), new Map())
  assert.deepEqual(
    plans.map(({ device, mac }) => [device, mac]),
    [
      ['0', '02:00:00:00:00:00'],
      ['2', '02:00:00:00:00:02'],
      ['10', '02:00:00:00:00:010'],
    ],
  )
})
