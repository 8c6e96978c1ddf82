import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settableVm } from '../../../test/support/settable-pools.ts'
import type { InventoryVm } from '../../core/control/pool-record.ts'
import { doubtOf } from './doubts.ts'

const AT = '2026-01-01T00:00:00.000Z'
const inventory = (...vms: InventoryVm[]) => ({ pool: 'oslo', seenAt: AT, hosts: [], networks: [], srs: [], vms })
const disk = (sr: string) => ({ uuid: 'disk', name: 'disk', userdevice: '0', size: 1, sr })
const replica = (uuid: string, more: Partial<InventoryVm> = {}) =>
  settableVm(uuid, { replicaOf: { job: 'job', vm: 'web' }, disks: [disk('sr')], restorePoints: ['p1', 'p2'], ...more })
const chain = { job: 'job', vm: { uuid: 'web', name: 'web' }, target: { pool: 'oslo', sr: 'sr' } }
const known = { ...chain, replica: 'r', point: { uuid: 'p2', takenAt: AT } }
const unknown = { ...chain, replica: null, point: null }

for (const [what, of, seen, doubt] of [
  ['what is known is there', known, inventory(replica('r')), null],
  ['nothing was seen of the pool', known, undefined, null],
  ['the replica was removed', known, inventory(), 'replica r is gone'],
  ['its newest restore point was removed', known, inventory(replica('r', { restorePoints: ['p1'] })), 'restore point p2 is gone'],
  ['its last restore point was removed', known, inventory(replica('r', { restorePoints: [] })), 'restore point p2 is gone'],
  [
    'a restore point that is a VM of its own, as the original product makes them',
    { ...known, point: { uuid: 'r', takenAt: AT } },
    inventory(replica('r', { restorePoints: [] })),
    null,
  ],
  ['it took over', known, inventory(replica('r', { replicaOf: null })), null],
  ['no restore point was made yet', { ...known, point: null }, inventory(replica('r', { restorePoints: [] })), null],
  ['a replica nobody told of', unknown, inventory(replica('r')), 'replica r was found'],
  ['a replica without disks nobody told of', unknown, inventory(replica('r', { disks: [] })), 'replica r was found'],
  ['a replica on another storage', unknown, inventory(replica('r', { disks: [disk('other')] })), null],
  ['a replica of another VM', unknown, inventory(replica('r', { replicaOf: { job: 'job', vm: 'mail' } })), null],
  ['a replica of another job', unknown, inventory(replica('r', { replicaOf: { job: 'other', vm: 'web' } })), null],
] as const) {
  test(`doubts about a chain: ${what}`, () => assert.equal(doubtOf(of, seen), doubt))
}
