import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Selection } from './job.ts'
import type { InventoryVm, PoolInventory } from './pool-record.ts'
import { matchesPattern, resolveSelection } from './resolve-selection.ts'

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
const inventory = (pool: string, vms: readonly InventoryVm[]): PoolInventory => ({
  pool,
  seenAt: '',
  hosts: [],
  srs: [],
  networks: [],
  vms,
})
const both = [
  inventory('p', [
    vm('a', { name: 'web-1', tags: ['gold'] }),
    vm('b', { name: 'Web-2' }),
    vm('r', { name: 'web-3', replicaOf: { job: 'j', vm: 'x' } }),
  ]),
  inventory('q', [vm('a', { name: 'db', tags: ['gold', 'web'] })]),
]
const chosen = (include: Selection['include'], exclude: Selection['exclude'] = []) => {
  const { vms, leftOut, missing } = resolveSelection({ include, exclude }, both)
  const text = (list: readonly { pool: string; vm: string }[]) => list.map((each) => `${each.pool}/${each.vm}`)
  return {
    vms: text(vms),
    leftOut: leftOut.map((each) => `${each.pool}/${each.vm} ${each.reason.code}`),
    missing: missing.map((each) => `${each.pool}/${each.vm} ${each.reason.code}`),
  }
}
const none = { leftOut: [], missing: [] }

test('by hand: that VM of that pool', () => {
  assert.deepEqual(chosen([{ kind: 'vm', pool: 'q', vm: 'a' }]), { vms: ['q/a'], ...none })
})

test('by tag: exactly, in one pool or in any', () => {
  assert.deepEqual(chosen([{ kind: 'tag', pool: null, tag: 'gold' }]), { vms: ['p/a', 'q/a'], ...none })
  assert.deepEqual(chosen([{ kind: 'tag', pool: 'p', tag: 'gold' }]), { vms: ['p/a'], ...none })
  assert.deepEqual(chosen([{ kind: 'tag', pool: null, tag: 'Gold' }]), { vms: [], ...none })
})

test('replicas are never chosen, and the preview says why', () => {
  assert.deepEqual(chosen([{ kind: 'name', pool: null, pattern: 'web-*' }]), {
    vms: ['p/a', 'p/b'],
    leftOut: ['p/r is-replica'],
    missing: [],
  })
  assert.deepEqual(chosen([{ kind: 'vm', pool: 'p', vm: 'r' }]), { vms: [], leftOut: ['p/r is-replica'], missing: [] })
})

test('a whole pool, minus exclusions, which the preview names', () => {
  assert.deepEqual(chosen([{ kind: 'pool', pool: 'p' }], [{ kind: 'tag', pool: null, tag: 'gold' }]), {
    vms: ['p/b'],
    leftOut: ['p/a excluded', 'p/r is-replica'],
    missing: [],
  })
})

test('a VM is chosen once, however many selectors choose it', () => {
  assert.deepEqual(
    chosen([
      { kind: 'pool', pool: 'q' },
      { kind: 'tag', pool: null, tag: 'web' },
      { kind: 'vm', pool: 'q', vm: 'a' },
    ]).vms,
    ['q/a'],
  )
})

test('what was named by hand and is not there is told apart from what was never seen', () => {
  const { missing } = chosen(
    [
      { kind: 'vm', pool: 'p', vm: 'gone' },
      { kind: 'vm', pool: 'unseen', vm: 'x' },
      { kind: 'vm', pool: 'unseen', vm: 'x' },
      { kind: 'vm', pool: 'p', vm: 'left' },
    ],
    [{ kind: 'vm', pool: 'p', vm: 'left' }],
  )
  assert.deepEqual(missing, ['p/gone vm-not-seen', 'unseen/x pool-not-seen'])
})

for (const [pattern, text, matches] of [
  ['web-*', 'web-1', true],
  ['web-*', 'WEB-', true],
  ['web-?', 'web-', false],
  ['web-?', 'web-12', false],
  ['*', '', true],
  ['', '', true],
  ['', 'x', false],
  ['*-db-*', 'eu-db-1', true],
  ['*db', 'db db', true],
  ['a.c', 'abc', false],
  ['[ab]*', 'a', false],
  ['*ä?', 'XÄß', true],
  ['?', '𝒳', true],
] as const) {
  test(`pattern "${pattern}" ${matches ? 'matches' : 'does not match'} "${text}"`, () =>
    assert.equal(matchesPattern(pattern, text), matches))
}

test('a hostile pattern takes no longer than its length', () => {
  const steps = matchesPattern(`${'*a'.repeat(200)}b`, 'a'.repeat(2000))
  assert.equal(steps, false)
})
