import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CHAIN_LIMIT, chainDepth, judgeChains } from './chain-health.ts'

const disk = (depth: number | undefined) => ({ userdevice: '0', name: 'system', chainDepth: depth })

test('a chain at its limit leaves no room, one near it is warned of, a short or unknown one is fine', () => {
  assert.equal(judgeChains('source', [disk(3), disk(undefined)]).full, undefined)
  assert.deepEqual(judgeChains('source', [disk(3), disk(undefined)]).warnings, [])
  assert.equal(judgeChains('target', [disk(CHAIN_LIMIT - 1)]).full, undefined)
  assert.equal(judgeChains('target', [disk(CHAIN_LIMIT - 1)]).warnings[0]?.code, 'chain-long')
  assert.deepEqual(judgeChains('target', [disk(2), disk(CHAIN_LIMIT)]).full, disk(CHAIN_LIMIT))
})

test('a chain is counted from the disk to its last image; rings and unknown images have no depth', () => {
  const parents: Record<string, string | undefined> = { a: 'b', b: 'c', c: undefined, x: 'y', y: 'x', lost: 'nobody' }
  const parentOf = (uuid: string) => (uuid in parents ? parents[uuid] : 'unknown')
  assert.equal(chainDepth('a', parentOf), 3)
  assert.equal(chainDepth('c', parentOf), 1)
  assert.equal(chainDepth('x', parentOf), undefined)
  assert.equal(chainDepth('lost', parentOf), undefined)
})
