import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planAtStart, planWith } from './plan-progress.ts'

const target = { pool: 'oslo', sr: 'sr' }
const group = (name: string, ...vms: string[]) => ({
  ...{ name, delaySeconds: 0, before: null, after: null },
  vms: vms.map((vm) => ({ vm, target, job: null })),
})
const start = () => planAtStart({ groups: [group('front', 'a', 'b'), group('back', 'c')] }, 'test', (vm) => vm.toUpperCase())

test('at the start all VMs of a plan wait, in its order, by their names', () => {
  assert.deepEqual(
    start().vms.map(({ group: of, name, state, startedAt }) => [of, name, state, startedAt]),
    [
      ['front', 'A', 'waiting', null],
      ['front', 'B', 'waiting', null],
      ['back', 'C', 'waiting', null],
    ],
  )
})

test('a VM keeps the time of its begin until its end; others are as they were', () => {
  const begun = planWith(start(), { group: 'front', vm: 'b', state: 'working', text: 'begun' }, '1')
  const on = planWith(begun, { group: 'front', vm: 'b', state: 'working', text: 'starting' }, '2')
  const up = planWith(on, { group: 'front', vm: 'b', state: 'up', text: 'tools report' }, '3')
  assert.deepEqual([on.vms[1]?.startedAt, on.vms[1]?.endedAt, on.vms[1]?.text], ['1', null, 'starting'])
  assert.deepEqual([up.vms[1]?.state, up.vms[1]?.startedAt, up.vms[1]?.endedAt], ['up', '1', '3'])
  assert.deepEqual([up.mode, up.vms[0], up.vms[2]], ['test', start().vms[0], start().vms[2]])
})

test('what is skipped never began', () => {
  const { vms } = planWith(start(), { group: 'back', vm: 'c', state: 'skipped', text: 'a group before it failed' }, '4')
  assert.deepEqual([vms[2]?.startedAt, vms[2]?.endedAt], [null, '4'])
})
