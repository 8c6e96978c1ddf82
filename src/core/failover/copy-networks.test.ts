import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CopyNetwork, type MacChoice, macClashes, planCopyNetworks } from './copy-networks.ts'

const MAC = '02:AA:00:00:00:01'
const network = (uuid: string, more: Partial<CopyNetwork> = {}): CopyNetwork => ({ uuid, name: uuid, physical: false, macs: [], ...more })
const planned = (macs: MacChoice, there: Partial<CopyNetwork>) => {
  const plan = planCopyNetworks([{ device: '0', mac: MAC, network: 'lan' }], [network('lan', there)], { kind: 'replica' }, new Map(), macs)
  assert.equal(plan.kind, 'plan')
  return plan.kind === 'plan' ? plan.vifs : []
}
const inUse = { macs: [MAC.toLowerCase()] }

for (const [what, macs, there, kept, code, clashes] of [
  ['a MAC that is asked to be kept is, where nobody has it', 'keep', {}, true, 'mac-kept', 0],
  ['a MAC that is asked to be kept where another VM has it is kept, and warned of', 'keep', inUse, true, 'mac-clash', 1],
  ['a MAC that another VM has is not kept when only safe ones are', 'safe', inUse, false, 'mac-new', 0],
  ['a MAC is not kept on a physical network when only safe ones are', 'safe', { physical: true }, false, 'mac-new', 0],
  ['a MAC is kept inside the pool where nobody has it', 'safe', {}, true, 'mac-kept', 0],
  ['a new MAC meets nobody', 'new', inUse, false, 'mac-new', 0],
] as const)
  test(what, () => {
    const vifs = planned(macs, there)
    assert.deepEqual([vifs[0]?.mac, vifs[0]?.reason.code], [kept ? MAC : null, code])
    assert.equal(macClashes(vifs).length, clashes)
  })

test('on an isolated network a kept MAC meets nobody', () => {
  const plan = planCopyNetworks(
    [{ device: '0', mac: MAC, network: 'lan' }],
    [network('lan', inUse)],
    { kind: 'isolated' },
    new Map(),
    'keep',
  )
  assert.deepEqual(plan.kind === 'plan' && [plan.vifs[0]?.mac, macClashes(plan.vifs)], [MAC, []])
})
