import assert from 'node:assert/strict'
import { test } from 'node:test'
import { find } from './names.ts'

const things = [
  { id: 'aaaa1111-0000-4000-8000-000000000001', name: 'nightly' },
  { id: 'aaaa2222-0000-4000-8000-000000000002', name: 'Weekly' },
  { id: 'bbbb3333-0000-4000-8000-000000000003', name: 'twice' },
  { id: 'bbbb4444-0000-4000-8000-000000000004', name: 'twice' },
  { id: 'cccc5555-0000-4000-8000-000000000005', name: 'aaaa1111' },
]
const code = (expected: string) => (error: unknown) => (error as { code?: string }).code === expected

test('a thing is found by id, by name whatever its case, and by the beginning of its id; the name goes first', () => {
  assert.equal(find('job', things, 'AAAA2222-0000-4000-8000-000000000002').name, 'Weekly')
  assert.equal(find('job', things, 'weekly').name, 'Weekly')
  assert.equal(find('job', things, 'bbbb4').id, 'bbbb4444-0000-4000-8000-000000000004')
  assert.equal(find('job', things, 'aaaa1111').id, 'cccc5555-0000-4000-8000-000000000005')
})

test('what could mean several things is an error that lists their ids', () => {
  assert.throws(() => find('job', things, 'twice'), code('NAME_AMBIGUOUS'))
  assert.throws(() => find('job', things, 'twice'), { hint: /bbbb3333-.*, bbbb4444-/ })
  assert.throws(() => find('job', things, 'bbbb'), code('NAME_AMBIGUOUS'))
})

test('what fits nothing is an error that tells what is there', () => {
  assert.throws(() => find('job', things, 'nightlies'), code('NAME_UNKNOWN'))
  assert.throws(() => find('job', things, 'nightlies'), { hint: /nightly/ })
  assert.throws(() => find('job', [], 'x'), { hint: 'there is no job yet' })
  const many = Array.from({ length: 50 }, (_, index) => ({ id: `${index}`, name: `vm-${index}` }))
  assert.throws(() => find('VM', [...many, { id: 'x', name: 'database' }], 'datebase'), { hint: /^close to it: database, / })
  // Too short to be the beginning of an id.
  assert.throws(() => find('job', things, 'ccc'), code('NAME_UNKNOWN'))
})
