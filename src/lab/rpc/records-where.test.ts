import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Row, XapiFailure } from '../pool.ts'
import { compileWhere } from './records-where.ts'

const row: Row = {
  name_label: 'a b',
  name_description: '',
  uuid: 'u1',
  is_a_template: true,
  memory_static_max: 5,
  tags: ['x', 'y'],
  other_config: { k: 'v' },
}

describe('queries of get_all_records_where', () => {
  const holds: [string, boolean][] = [
    ['true', true],
    ['false', false],
    ['field "name__label"="a b"', true],
    ['field "name_label" = "a b"', true],
    ['"a b" = field "name__label"', true],
    ['field "name__label"="x"', false],
    ['field "name__description"=""', true],
    ['field "is_a_template"="true"', true],
    ['field "memory__static_max"="5"', true],
    [`field "tags"="('x' 'y')"`, true],
    [`field "other_config"="(('k' 'v'))"`, true],
    ['not true', false],
    ['not false and false', true],
    ['(not false) and false', false],
    ['true or false and false', false],
    ['true or (false and false)', true],
    ['true and not false', true],
    ['not not true', true],
    ['\ttrue\n', true],
    ['"x"="x"', true],
  ]
  for (const [expression, expected] of holds) {
    test(`${JSON.stringify(expression)} is ${expected}`, () => assert.equal(compileWhere('VM', expression)(row), expected))
  }
  for (const expression of [
    '',
    ' ',
    'nonsense',
    'true true',
    '(true',
    'true)',
    'field name="x"',
    'field "uuid"',
    'field "no_such"="x"',
    "field 'uuid'='u1'",
    'TRUE',
    'not',
    'true and',
    `${'('.repeat(100_000)}true`,
    `${'not '.repeat(100_000)}true`,
  ]) {
    test(`${JSON.stringify(expression.slice(0, 30))} is INVALID_VALUE with the expression first`, () => {
      assert.throws(
        () => compileWhere('VM', expression),
        (error) =>
          error instanceof XapiFailure && error.code === 'INVALID_VALUE' && error.params[0] === expression && error.params.length === 2,
      )
    })
  }
})
