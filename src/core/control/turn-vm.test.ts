import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TurnedVm } from './job.ts'
import { turnVm } from './turn-vm.ts'
import { targetsOf, turnedSelection } from './turned-selection.ts'

const home = { pool: 'paris', vm: 'vm' }
const away = { pool: 'oslo', vm: 'replica', name: 'web', target: { pool: 'paris', sr: 'sr-paris' }, networks: { a: 'b' } }
const targets = [{ pool: 'oslo', sr: 'sr-oslo' }]
const job = (turned: readonly TurnedVm[] = []) => ({ turned, targets })

test('a VM that failed over is run where it is, towards where it came from', () => {
  assert.deepEqual(turnVm(job(), { source: home, now: away }), [{ original: home, ...away }])
})

test('back where it was it is one like any other again, by whichever name the source is given', () => {
  const turned = [{ original: home, ...away }]
  const back = { ...home, name: 'web', target: { pool: 'oslo', sr: 'sr-oslo' }, networks: {} }
  assert.deepEqual(turnVm(job(turned), { source: home, now: back }), [])
  assert.deepEqual(turnVm(job(turned), { source: { pool: 'oslo', vm: 'replica' }, now: back }), [])
})

test('a new VM beside the original stays remembered as standing for it; others are not touched', () => {
  const other = { original: { pool: 'paris', vm: 'other' }, ...away, vm: 'other replica' }
  const beside = { pool: 'paris', vm: 'new', name: 'web', target: { pool: 'oslo', sr: 'sr-oslo' }, networks: {} }
  const turned = turnVm(job([{ original: home, ...away }, other]), { source: home, now: beside })
  assert.deepEqual(turned, [other, { original: home, ...beside }])
})

test('a turned VM is chosen in place of its original, goes where it came from, and is not chosen twice', () => {
  const chosen = (pool: string, vm: string) => ({ pool, vm, name: vm, bytesAllocated: null, by: 'tag' })
  const turned = job([{ original: home, ...away }])
  const { vms } = turnedSelection(turned, {
    vms: [chosen('paris', 'vm'), chosen('oslo', 'replica'), chosen('paris', 'other')],
    leftOut: [],
    missing: [],
  })
  assert.deepEqual(
    vms.map(({ pool, vm }) => `${pool}/${vm}`),
    ['paris/other', 'oslo/replica'],
  )
  assert.deepEqual(targetsOf(turned, 'oslo', 'replica'), [{ pool: 'paris', sr: 'sr-paris' }])
  assert.deepEqual(targetsOf(turned, 'paris', 'other'), targets)
})
