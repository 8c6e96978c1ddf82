import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MARK } from '../../core/marks.ts'
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

/** As a first answer, which is about everything. */
function replace(tables: InventoryTables, events: readonly Event[]): boolean {
  const applied = tables.apply(events)
  return tables.keepOnly(events) || applied
}

const names = (tables: InventoryTables) => buildInventory(tables, 'pool', AT).vms.map((one) => one.name)

test('only VMs that can be protected are listed: no templates, snapshots or control domains', () => {
  const tables = new InventoryTables()
  assert.ok(
    replace(tables, [
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
  replace(tables, [vm('a')])
  assert.equal(tables.apply([vm('a')]), false)
  assert.equal(tables.apply([vm('a', { other_config: { note: 'of an administrator' } })]), false)
  assert.equal(tables.apply([vm('a', { tags: ['gold'] })]), true)
  assert.equal(tables.apply([gone('vm', 'unknown'), event('task', 't', {})]), false)
  assert.equal(tables.apply([gone('vm', 'a')]), true)
})

test('what disks take on their storage is shown, images below them included, and no news by itself', () => {
  const GIB = 2 ** 30
  const tables = new InventoryTables()
  const vdi = (ref: string, used: number, parent?: string) =>
    event('vdi', ref, {
      uuid: `uuid of ${ref}`,
      name_label: ref,
      virtual_size: 10 * GIB,
      SR: 'sr',
      physical_utilisation: used,
      sm_config: parent === undefined ? {} : { 'vhd-parent': `uuid of ${parent}` },
    })
  const vbd = (ref: string, of: string, userdevice: string) =>
    event('vbd', ref, { VM: 'a', VDI: of, userdevice, type: 'Disk', empty: false })
  const allocated = () => buildInventory(tables, 'pool', AT).vms[0]?.bytesAllocated
  replace(tables, [vm('a'), vbd('x', 'root', '0'), vbd('y', 'data', '1'), vdi('root', 3 * GIB), vdi('data', -1)])
  assert.equal(allocated(), 3 * GIB)
  // A scan found more, and a snapshot put an image below: the disk holds what was written since.
  assert.equal(tables.apply([vdi('root', 4 * GIB)]), false)
  assert.equal(allocated(), 4 * GIB)
  assert.equal(tables.apply([vdi('base', 4 * GIB), vdi('root', GIB, 'base')]), false)
  assert.equal(allocated(), 5 * GIB)
  // No more than the disk can hold, and what refers to itself ends.
  tables.apply([vdi('base', 9 * GIB), vdi('root', 9 * GIB, 'base')])
  assert.equal(allocated(), 10 * GIB)
  tables.apply([vdi('root', GIB, 'root')])
  assert.equal(allocated(), 10 * GIB)
})

test('what is asked for anew replaces all: objects that are not in it are gone', () => {
  const tables = new InventoryTables()
  replace(tables, [vm('a'), vm('b')])
  assert.equal(replace(tables, [vm('a'), vm('b')]), false)
  assert.equal(replace(tables, [vm('b')]), true)
  assert.deepEqual(names(tables), ['b'])
})

test('what changes about a snapshot or a template changes nothing that is shown', () => {
  const tables = new InventoryTables()
  const vbd = (ref: string, of: string, vdi: string) => event('vbd', ref, { VM: of, VDI: vdi, userdevice: '0', type: 'Disk', empty: false })
  const vdi = (ref: string, size: number) =>
    event('vdi', ref, { uuid: ref, name_label: ref, virtual_size: size, SR: 'sr', physical_utilisation: 0 })
  const marks = { 'xo:backup:job': 'job', 'xo:backup:vm': 'a' }
  const snapshot = vm('snapshot', { is_a_snapshot: true, is_a_template: true, snapshot_of: 'a', other_config: marks })
  replace(tables, [vm('a'), vbd('x', 'a', 'disk'), vdi('disk', 1)])
  const before = tables.vms()
  assert.equal(tables.apply([snapshot, vbd('y', 'snapshot', 'snapshot disk'), vdi('snapshot disk', 1)]), false)
  assert.equal(tables.vms(), before, 'nothing is made anew')
  assert.equal(tables.apply([gone('vbd', 'y'), gone('vdi', 'snapshot disk'), gone('vm', 'snapshot')]), false)
  assert.equal(tables.apply([vdi('disk', 2)]), true)
  assert.deepEqual(
    tables.vms()[0]?.disks.map((disk) => disk.size),
    [2],
  )
  assert.equal(tables.apply([gone('vbd', 'x')]), true)
  assert.deepEqual(tables.vms()[0]?.disks, [])
})

test('a replica tells its restore points, also when it took over; a source does not tell the snapshots of its runs', () => {
  const marks = { 'xo:backup:job': 'job', 'xo:backup:vm': 'a' }
  const point = (ref: string, of: string) => vm(ref, { is_a_snapshot: true, snapshot_of: of, other_config: marks })
  const mark = JSON.stringify({ job: 'job', vm: 'a', sr: 'sr', self: 'uuid of b' })
  const replica = vm('b', { blocked_operations: { start: '' }, other_config: { [MARK.replica]: mark } })
  const tables = new InventoryTables()
  replace(tables, [vm('a'), replica, point('p2', 'b'), point('p1', 'b'), point('s', 'a')])
  const points = () => tables.vms().map(({ name, restorePoints }) => [name, ...restorePoints.map((uuid) => uuid.replace('uuid of ', ''))])
  assert.deepEqual(points(), [['a'], ['b', 'p1', 'p2']])
  assert.equal(tables.apply([gone('vm', 'p2')]), true)
  assert.deepEqual(points(), [['a'], ['b', 'p1']])
  const failover = {
    ...{ self: 'uuid of b', id: 'id', job: 'job', vm: 'a', sr: 'sr', kind: 'unplanned', state: 'active', at: AT },
    ...{ point: 'p1', takenAt: AT },
  }
  const took = { [MARK.replica]: mark, [MARK.failover]: JSON.stringify(failover) }
  assert.equal(tables.apply([vm('b', { other_config: took })]), true)
  assert.equal(tables.apply([point('p3', 'b')]), true)
  assert.deepEqual(points(), [['a'], ['b', 'p1', 'p3']])
})

test('whatever order events come in, what is shown in the end is the same', () => {
  const everything = [
    vm('a'),
    vm('b', { blocked_operations: { start: '' }, other_config: { 'xo:backup:sr': 'sr' } }),
    vm('point', { is_a_snapshot: true, snapshot_of: 'b', other_config: { 'xo:backup:job': 'job', 'xo:backup:vm': 'a' } }),
    event('vbd', 'x', { VM: 'a', VDI: 'disk', userdevice: '0', type: 'Disk', empty: false }),
    event('vdi', 'disk', { uuid: 'disk', name_label: 'disk', virtual_size: 1, SR: 'sr' }),
    event('sr', 'sr', { uuid: 'sr', name_label: 'sr', type: 'ext', content_type: 'user', shared: false, is_tools_sr: false }),
    event('vif', 'vif', { VM: 'a', network: 'net', device: '0' }),
    event('network', 'net', { uuid: 'net', name_label: 'net', purpose: [] }),
  ]
  const shown = (events: readonly Event[]) => {
    const tables = new InventoryTables()
    // Looked at after each, so that nothing is remembered from before.
    for (const each of events) {
      tables.apply([each])
      tables.vms()
    }
    return tables.vms()
  }
  const wanted = shown(everything)
  assert.equal(wanted[0]?.disks[0]?.sr, 'sr')
  assert.deepEqual(wanted[1]?.replicaOf, { job: 'job', vm: 'a' })
  for (let nth = 1; nth < everything.length; nth++) {
    assert.deepEqual(shown([...everything.slice(nth), ...everything.slice(0, nth)]), wanted, `from ${nth}`)
    assert.deepEqual(shown(everything.slice(nth).reverse().concat(everything.slice(0, nth))), wanted, `backwards to ${nth}`)
  }
})

test('a replica of the original product that keeps one VM is known by the marks of its snapshots', () => {
  const tables = new InventoryTables()
  const marks = { 'xo:backup:job': 'job', 'xo:backup:vm': 'source' }
  const replica = { blocked_operations: { start: 'no' }, other_config: { 'xo:backup:sr': 'sr' } }
  const replicaOf = () => buildInventory(tables, 'pool', AT).vms[0]?.replicaOf
  replace(tables, [vm('replica', replica)])
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
  replace(tables, [
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
