import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildInventory, countsOf } from './build-inventory.ts'
import { type EventBatch, InventoryTables } from './inventory-tables.ts'

type Event = EventBatch['events'][number]
const AT = '2026-06-01T12:00:00.000Z'

const event = (name: string, ref: string, snapshot: object, operation = 'add'): Event => ({ class: name, ref, operation, snapshot })
const gone = (name: string, ref: string): Event => ({ class: name, ref, operation: 'del' })

const vm = (ref: string, more: object = {}): Event =>
  event('vm', ref, {
    uuid: `uuid of ${ref}`,
    name_label: ref,
    name_description: '',
    power_state: 'Running',
    is_a_template: false,
    is_a_snapshot: false,
    is_control_domain: false,
    snapshot_of: 'OpaqueRef:NULL',
    tags: [],
    blocked_operations: {},
    other_config: {},
    memory_target: Math.random(),
    ...more,
  })

const names = (tables: InventoryTables) => buildInventory(tables, 'pool', AT).vms.map((one) => one.name)

test('only VMs that can be protected are listed: no templates, snapshots or control domains', () => {
  const tables = new InventoryTables()
  assert.ok(
    tables.replace([
      vm('b'),
      vm('a'),
      vm('template', { is_a_template: true }),
      vm('snapshot', { is_a_snapshot: true, is_a_template: true, snapshot_of: 'a' }),
      vm('dom0', { is_control_domain: true }),
    ]),
  )
  assert.deepEqual(names(tables), ['a', 'b'])
  assert.equal(countsOf(tables).vms, 2)
  assert.ok(tables.agreesWith({ vm: 5, task: 17 }), 'all of them count')
  assert.ok(!tables.agreesWith({ vm: 4 }))
})

test('a change of what is not shown is no change', () => {
  const tables = new InventoryTables()
  tables.replace([vm('a')])
  assert.equal(tables.apply([vm('a')]), false)
  assert.equal(tables.apply([vm('a', { other_config: { note: 'of an administrator' } })]), false)
  assert.equal(tables.apply([vm('a', { tags: ['gold'] })]), true)
  assert.equal(tables.apply([gone('vm', 'unknown'), event('task', 't', {})]), false)
  assert.equal(tables.apply([gone('vm', 'a')]), true)
})

test('what is asked for anew replaces all: objects that are not in it are gone', () => {
  const tables = new InventoryTables()
  tables.replace([vm('a'), vm('b')])
  assert.equal(tables.replace([vm('a'), vm('b')]), false)
  assert.equal(tables.replace([vm('b')]), true)
  assert.deepEqual(names(tables), ['b'])
})

test('a replica of the original product that keeps one VM is known by the marks of its snapshots', () => {
  const tables = new InventoryTables()
  const marks = { 'xo:backup:job': 'job', 'xo:backup:vm': 'source' }
  const replica = { blocked_operations: { start: 'no' }, other_config: { 'xo:backup:sr': 'sr' } }
  const replicaOf = () => buildInventory(tables, 'pool', AT).vms[0]?.replicaOf
  tables.replace([vm('replica', replica)])
  assert.equal(replicaOf(), null)
  tables.apply([vm('point', { is_a_snapshot: true, snapshot_of: 'replica', other_config: marks })])
  assert.deepEqual(replicaOf(), { job: 'job', vm: 'source' })
  tables.apply([vm('replica', { ...replica, blocked_operations: {} })])
  assert.equal(replicaOf(), null, 'it was failed over to')
})

test('disks are those that hold data, in the order of their positions', () => {
  const tables = new InventoryTables()
  const vbd = (ref: string, userdevice: string, more: object = {}) =>
    event('vbd', ref, { VM: 'a', VDI: `vdi ${userdevice}`, userdevice, type: 'Disk', empty: false, ...more })
  const vdi = (nth: string) =>
    event('vdi', `vdi ${nth}`, { uuid: `disk ${nth}`, name_label: `name ${nth}`, virtual_size: Number(nth), SR: 'sr' })
  tables.replace([
    vm('a'),
    vbd('x', '10'),
    vbd('y', '2'),
    vbd('cd', '3', { type: 'CD' }),
    vbd('dangling', '4'),
    vdi('10'),
    vdi('2'),
    vdi('3'),
    event('sr', 'sr', { uuid: 'sr uuid', name_label: 'sr', type: 'ext', content_type: 'user', shared: false, is_tools_sr: false }),
  ])
  const [shown] = buildInventory(tables, 'pool', AT).vms
  assert.deepEqual(
    shown?.disks.map((disk) => [disk.userdevice, disk.uuid, disk.sr]),
    [
      ['2', 'disk 2', 'sr uuid'],
      ['10', 'disk 10', 'sr uuid'],
    ],
  )
})
