import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ChainStates, layOutRun } from './lay-out-run.ts'
import type { ResolvedSelection } from './resolve-selection.ts'

const vm = (name: string) => ({ pool: 'p', vm: name, name, bytesAllocated: null, by: 'hand' })
const resolved = (...names: string[]): ResolvedSelection => ({ vms: names.map(vm), leftOut: [], missing: [] })
const states = (isUnderWay: ChainStates['isUnderWay']): ChainStates => ({ isUnderWay, isFailedOver: () => false })
const targets = () => [
  { pool: 'q', sr: 's' },
  { pool: 'q', sr: 't' },
]

test('one VM run a VM and target', () => {
  const run = layOutRun(
    resolved('a', 'b'),
    targets,
    states(() => false),
  )
  assert.equal(run.kind, 'run')
  assert.deepEqual(
    run.vmRuns.map((each) => `${each.vm} ${each.target.sr} ${each.skipped?.code ?? ''}`),
    ['a s ', 'a t ', 'b s ', 'b t '],
  )
})

test('a VM whose run before is still under way is skipped with a reason; the others run', () => {
  const run = layOutRun(
    resolved('a', 'b'),
    targets,
    states((_, name, { sr }) => name === 'a' && sr === 's'),
  )
  assert.equal(run.kind, 'run')
  assert.deepEqual(
    run.vmRuns.map(({ skipped }) => skipped?.code ?? null),
    ['still-under-way', null, null, null],
  )
})

test('when all are, the run as a whole is skipped, with a reason', () => {
  const run = layOutRun(
    resolved('a'),
    targets,
    states(() => true),
  )
  assert.equal(run.kind === 'skip' && run.reason.code, 'still-under-way')
})

test('a selection that chooses nothing makes a run that is skipped, with a reason', () => {
  const run = layOutRun(
    resolved(),
    targets,
    states(() => false),
  )
  assert.equal(run.kind === 'skip' && run.reason.code, 'no-vm')
})

test('what was named by hand and is not seen is run all the same, so that its failure is told', () => {
  const missing = [{ ...vm('gone'), reason: { code: 'vm-not-seen', text: '' } }]
  assert.equal(
    layOutRun(
      { vms: [], leftOut: [], missing },
      targets,
      states(() => false),
    ).vmRuns.length,
    2,
  )
})

test('a VM whose replica has taken over is skipped with a reason', () => {
  const run = layOutRun(resolved('a', 'b'), targets, { isUnderWay: () => false, isFailedOver: (_, name) => name === 'a' })
  assert.deepEqual(
    run.vmRuns.map(({ skipped }) => skipped?.code ?? null),
    ['failed-over', 'failed-over', null, null],
  )
  const all = layOutRun(resolved('a'), targets, { isUnderWay: () => false, isFailedOver: () => true })
  assert.equal(all.kind === 'skip' && all.reason.code, 'failed-over')
})
