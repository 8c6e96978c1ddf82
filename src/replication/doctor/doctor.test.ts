import assert from 'node:assert/strict'
import { hostname } from 'node:os'
import { test } from 'node:test'
import { judgeList } from './change-checks.ts'
import { CHECKS } from './doctor.ts'
import { mayBeAlive, readOwner, SCRATCH_MARK, scratchConfig, scratchName, scratchOwner } from './scratch.ts'
import { blocksOf } from './transfer-checks.ts'

test('every check has an id of its own, says what it costs and how to mend it, and needs only what comes before it', () => {
  const seen = new Set<string>()
  for (const { id, title, costs, mend, needs } of CHECKS) {
    assert.ok(!seen.has(id), id)
    for (const text of [title, costs, mend]) assert.ok(text.length > 4, `${id}: ${text}`)
    for (const need of needs) assert.ok(seen.has(need), `${id} needs ${need}`)
    seen.add(id)
  }
})

const bitmap = (granules: readonly number[], bit: (granule: number) => number) => {
  const bytes = Buffer.alloc(8)
  for (const granule of granules) bytes[granule >> 3] = (bytes[granule >> 3] as number) | bit(granule)
  return bytes
}
const msb = (granule: number) => 0x80 >> (granule & 7)

test('a list of changes is right only with exactly the granules written, most significant bit first', () => {
  const written = [1, 37, 44, 45, 63]
  assert.equal(judgeList(bitmap(written, msb), written), undefined)
  assert.match(judgeList(bitmap([1, 37, 44, 63], msb), written) ?? '', /lacks granules 45$/)
  assert.match(judgeList(bitmap([...written, 2], msb), written) ?? '', /nobody wrote: 2$/)
  assert.match(
    judgeList(
      bitmap(written, (granule) => 1 << (granule & 7)),
      written,
    ) ?? '',
    /wrong order/,
  )
})

test('the blocks of an extent are all that it touches', () => {
  const mib = 2 ** 20
  assert.deepEqual(
    blocksOf([
      { offset: 2 * mib - 512, length: 1024 },
      { offset: 8 * mib, length: 2 * mib },
    ]),
    [0, 1, 4],
  )
})

test('a scratch object is recognised by name and mark together, never by one of them', () => {
  const owner = scratchOwner('8ba51f9e-0000-4000-8000-000000000000')
  const record = { name_label: scratchName(owner, 'disk'), other_config: scratchConfig(owner) }
  assert.deepEqual(readOwner(record), owner)
  assert.equal(readOwner({ ...record, name_label: 'web server' }), undefined)
  assert.equal(readOwner({ ...record, other_config: {} }), undefined)
  assert.equal(readOwner({ ...record, other_config: { [SCRATCH_MARK]: '{"run":1}' } }), undefined)
  assert.equal(readOwner({ ...record, other_config: { [SCRATCH_MARK]: 'damaged' } }), undefined)
})

test('what another doctor made is left alone while that doctor may be at work', () => {
  const now = 1_800_000_000_000
  const here = { run: 'other', host: hostname(), pid: 4711, at: now - 60_000 }
  const [running, ended] = [() => true, () => false]
  assert.equal(mayBeAlive(here, now, running), true)
  assert.equal(mayBeAlive(here, now, ended), false)
  assert.equal(mayBeAlive({ ...here, host: 'elsewhere' }, now, ended), true)
  assert.equal(mayBeAlive({ ...here, host: 'elsewhere', at: now - 2 * 3_600_000 }, now, running), false)
})
