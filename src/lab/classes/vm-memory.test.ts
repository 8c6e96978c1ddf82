import assert from 'node:assert/strict'
import { it } from 'node:test'
import { inOrder, memoryOverhead } from './vm-memory.ts'

it('limits have to be in order, and may be equal', () => {
  const order = (staticMin: number, dynamicMin: number, dynamicMax: number, staticMax: number) =>
    inOrder({ staticMin, dynamicMin, dynamicMax, staticMax })
  assert.ok(order(1, 1, 1, 1))
  assert.ok(order(1, 2, 3, 4))
  assert.ok(!order(2, 1, 3, 4))
  assert.ok(!order(1, 3, 2, 4))
  assert.ok(!order(1, 2, 5, 4))
})

it('the overhead is in whole MiB and grows with memory and virtual CPUs', () => {
  const overhead = (memory: number, cpus: number) =>
    memoryOverhead({ domain_type: 'hvm', memory_static_max: memory, VCPUs_max: cpus, HVM_shadow_multiplier: 1 })
  assert.equal(overhead(2 ** 30, 1) % 2 ** 20, 0)
  assert.ok(overhead(2 ** 34, 1) > overhead(2 ** 30, 1))
  assert.ok(overhead(2 ** 30, 8) > overhead(2 ** 30, 1))
})
