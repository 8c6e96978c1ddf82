import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cpuObstacle, planMemory } from './memory.ts'
import type { SourceFacts } from './observation.ts'
import type { DiskPlan } from './plan.ts'

const source = (facts: Partial<SourceFacts>) => ({ powerState: 'Running', vtpm: false, ...facts }) as SourceFacts
const disk = (mode: DiskPlan['mode']) => ({ mode, userdevice: '1' }) as DiskPlan

for (const [what, facts, disks, why] of [
  ['a running VM', {}, [disk('delta')], undefined],
  ['a suspended VM', { powerState: 'Suspended' }, [disk('full')], undefined],
  ['a halted VM', { powerState: 'Halted' }, [], /halted/],
  ['a paused VM', { powerState: 'Paused' }, [], /paused/],
  ['a VM with a disk left out', {}, [disk('delta'), disk('skipped')], /disk 1 is left out/],
  ['a VM with a virtual TPM', { vtpm: true }, [disk('delta')], /virtual TPM/],
] as const) {
  test(`the memory of ${what} is ${why === undefined ? 'carried' : 'not, and the plan says why'}`, () => {
    const plan = planMemory(source(facts), disks)
    assert.equal(plan.kind, why === undefined ? 'carry' : 'not-possible')
    if (plan.kind === 'not-possible') assert.match(plan.reason.text, why as RegExp)
  })
}

for (const [booted, pool, obstacle] of [
  [{ vendor: 'A', features: '00000003-00000001' }, { vendor: 'A', features: '00000007-00000001-ffffffff' }, undefined],
  [{ vendor: 'A', features: '80000000' }, { vendor: 'A', features: '80000000' }, undefined],
  [{ vendor: 'A', features: '00000001' }, { vendor: 'B', features: '00000001' }, /CPU of A/],
  [{ vendor: 'A', features: '80000001' }, { vendor: 'A', features: '00000001' }, /features/],
  [{ vendor: 'A', features: '00000001-00000001' }, { vendor: 'A', features: '00000001' }, /features/],
  // What can't be read is for the pool to judge.
  [{ vendor: 'A', features: '{"policy":1}' }, { vendor: 'A', features: '00000001' }, undefined],
  [{ vendor: '', features: '' }, { vendor: 'A', features: '' }, undefined],
] as const) {
  test(`a guest booted on ${JSON.stringify(booted)} ${obstacle ? 'could not go on' : 'is let go on'} on ${JSON.stringify(pool)}`, () => {
    const found = cpuObstacle(booted, pool)
    if (obstacle === undefined) assert.equal(found, undefined)
    else assert.match(found ?? '', obstacle)
  })
}
