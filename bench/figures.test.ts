import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { isReached, showValue, table } from './figures.ts'

test('an aim is reached at its limit and missed above it; a figure without aim is neither', () => {
  const figure = { what: 'delta', figure: 'sent / changed', unit: '', limit: 1.05 }
  assert.equal(isReached({ ...figure, value: 1.05 }), true)
  assert.equal(isReached({ ...figure, value: 1.0501 }), false)
  const kept = { what: 'delta', figure: 'throughput kept', unit: '%', least: 60 }
  assert.equal(isReached({ ...kept, value: 60 }), true)
  assert.equal(isReached({ ...kept, value: 59.9 }), false)
  assert.equal(isReached({ what: 'delta', figure: 'seconds', unit: 's', value: 9 }), undefined)
})

test('values keep three digits', () => {
  assert.deepEqual([0.012345, 1.0462, 45.678, 123.4, 20_480].map(showValue), ['0.0123', '1.05', '45.7', '123', '20480'])
})

test('the table names a case once and shouts what was missed', () => {
  const text = table([
    { what: 'delta', figure: 'sent / changed', value: 1.01, unit: '', limit: 1.05 },
    { what: 'delta', figure: 'wall time', value: 2.5, unit: 's' },
    { what: 'memory', figure: 'peak memory', value: 250, unit: 'MiB', limit: 200 },
  ])
  assert.equal(
    stripVTControlCharacters(text),
    [
      '        figure            value  aim',
      'delta   sent / changed     1.01  ≤ 1.05  reached',
      '        wall time        2.50 s',
      'memory  peak memory     250 MiB  ≤ 200   MISSED',
    ].join('\n'),
  )
})
