import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settableVm } from '../../../test/support/settable-pools.ts'
import type { ActivityResult } from './activity.ts'
import type { FailoverRequest } from './failover-request.ts'
import type { InventoryVm } from './pool-record.ts'
import { showsFailover } from './shows-failover.ts'

const of = { vm: 'web', target: { pool: 'oslo', sr: 'sr' } }
const mark = { job: 'job', vm: 'web', sr: 'sr', clone: false, state: 'active' } as const
const replica = (failedOver: InventoryVm['failedOver'], replicaOf: InventoryVm['replicaOf'] = null) =>
  settableVm('replica', { failedOver, replicaOf })
const web = (replicaOf: InventoryVm['replicaOf'] = null) => settableVm('web', { replicaOf })
const result = (kind: string, more: object = {}) => ({ kind, vm: { uuid: 'web', name: 'web' }, ...more }) as unknown as ActivityResult
const shown = (request: FailoverRequest, oslo: InventoryVm[] | undefined, paris: InventoryVm[] = [], more: object = {}) => {
  const inventory = (pool: string, vms: InventoryVm[]) => ({ pool, seenAt: '', hosts: [], networks: [], srs: [], vms })
  const seen = [inventory('paris', paris), ...(oslo === undefined ? [] : [inventory('oslo', oslo)])]
  return showsFailover(request, result(request.kind, more), seen)
}
const asReplica = { job: 'job', vm: 'web' }

test('a failover is shown by its mark, on the storage and of the VM that was meant', () => {
  for (const kind of ['failover', 'planned-failover'] as const) {
    assert.equal(shown({ kind, ...of }, [replica(null, asReplica)]), false)
    assert.equal(shown({ kind, ...of }, [replica({ ...mark, vm: 'mail' })]), false)
    assert.equal(shown({ kind, ...of }, [replica({ ...mark, sr: 'other' })]), false)
    assert.equal(shown({ kind, ...of }, [replica(mark)]), true)
    assert.equal(shown({ kind, ...of }, undefined), true, 'a pool that was not seen is not waited for')
  }
  assert.equal(shown({ kind: 'failover', clone: true, ...of }, [replica(null, asReplica)]), true)
})

test('an undone failover and turned protection are shown when nothing says that it took over', () => {
  for (const kind of ['undo-failover', 'reprotect'] as const) {
    assert.equal(shown({ kind, ...of }, [replica(mark)]), false)
    assert.equal(shown({ kind, ...of }, [replica({ ...mark, state: 'turned' })]), true)
    assert.equal(shown({ kind, ...of }, [replica(null, asReplica)]), true)
  }
})

test('a failback is shown when the original is no replica any more, and what took over is one again', () => {
  const request = { kind: 'failback', ...of } as const
  const again = { protectedAgain: true }
  assert.equal(shown(request, [replica(mark)], [web()], again), false)
  assert.equal(shown(request, [replica(null, asReplica)], [web({ job: 'job', vm: 'replica' })], again), false)
  assert.equal(shown(request, [replica(null)], [web()], again), false)
  assert.equal(shown(request, [replica(null, asReplica)], [], again), false)
  assert.equal(shown(request, [replica(null, asReplica)], [web()], again), true)
  assert.equal(shown(request, [replica(null)], [web()], { protectedAgain: false }), true)
})
