import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { InventoryVm } from './pool-record.ts'
import { unfencedOriginals } from './unfenced-originals.ts'

const vm = (uuid: string, more: Partial<InventoryVm> = {}): InventoryVm => ({
  uuid,
  name: uuid,
  description: '',
  powerState: 'Running',
  tags: [],
  disks: [],
  networks: [],
  bytesAllocated: 0,
  replicaOf: null,
  restorePoints: [],
  startBlocked: false,
  failedOver: null,
  ...more,
})
type Over = NonNullable<InventoryVm['failedOver']>
const took = (more: Partial<Over> = {}, power = 'Running') =>
  vm('replica', { powerState: power, failedOver: { job: 'job', vm: 'web', sr: 'sr', clone: false, state: 'active', ...more } })

for (const [what, original, replica, expected] of [
  ['down, and nothing keeps it down', { powerState: 'Halted' }, took(), 'can-start'],
  ['down and blocked', { powerState: 'Halted', startBlocked: true }, took(), undefined],
  ['down, although what took over is down as well', { powerState: 'Halted' }, took({}, 'Halted'), 'can-start'],
  ['down, while a clone took over', { powerState: 'Halted' }, took({ clone: true }), 'can-start'],
  ['runs beside its replica', {}, took(), 'runs'],
  ['is suspended beside its replica', { powerState: 'Suspended' }, took(), 'runs'],
  ['runs, and what took over was shut down', {}, took({}, 'Halted'), undefined],
  ['runs beside a clone, which is how clones are made', {}, took({ clone: true }), undefined],
  ['down, and the failover is not begun', { powerState: 'Halted' }, took({ state: 'preparing' }), undefined],
  ['down, and protection was turned round', { powerState: 'Halted' }, took({ state: 'turned' }), undefined],
] as const)
  test(`an original that ${what}: ${expected ?? 'nothing to tell'}`, () => {
    const found = unfencedOriginals([
      { name: 'Oslo', inventory: { pool: 'oslo', vms: [replica] } },
      { name: 'Paris', inventory: { pool: 'paris', vms: [vm('another'), vm('web', original)] } },
    ])
    assert.deepEqual(
      found.map(({ runs, pool, vm: { uuid }, by }) => [runs ? 'runs' : 'can-start', pool, uuid, by.poolName]),
      expected === undefined ? [] : [[expected, 'paris', 'web', 'Oslo']],
    )
  })

test('of a pool that is not seen nothing is told', () => {
  assert.deepEqual(unfencedOriginals([{ name: 'Oslo', inventory: { pool: 'oslo', vms: [took()] } }]), [])
})
