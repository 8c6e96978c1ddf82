import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { XapiFailure } from '../pool.ts'
import { convert } from './convert.ts'

const refused = (type: string, value: unknown, code = 'INTERNAL_ERROR') =>
  assert.throws(
    () => convert(type, value),
    (error) => error instanceof XapiFailure && error.code === code && error.params.length > 0,
    `${type} from ${JSON.stringify(value)}`,
  )

describe('conversion of parameters', () => {
  const good: [type: string, given: unknown, expected: unknown][] = [
    ['int', 5, 5],
    ['int', '16777216', 16777216],
    ['int', '-1', -1],
    ['float', 1, 1],
    ['float', '60.1', 60.1],
    ['bool', false, false],
    ['string', '', ''],
    ['VM ref', 'OpaqueRef:NULL', 'OpaqueRef:NULL'],
    ['enum vdi_type', 'USER', 'user'],
    ['string set', ['a', 'a'], ['a', 'a']],
    ['(string -> string) map', { a: 'b' }, { a: 'b' }],
    ['(enum vm_operations -> string) map', { start: 'no' }, { start: 'no' }],
    ['(int -> int) map', { 3: '4' }, { 3: 4 }],
    ['string set set', [['a'], []], [['a'], []]],
  ]
  for (const [type, given, expected] of good) {
    test(`${JSON.stringify(given)} passes as ${type}`, () => assert.deepEqual(convert(type, given), expected))
  }
  const bad: [type: string, given: unknown][] = [
    ['int', 'big'],
    ['int', 1.5],
    ['int', true],
    ['int', ''],
    ['float', 'x'],
    ['bool', 'true'],
    ['bool', 1],
    ['string', 5],
    ['string', null],
    ['VM ref', 5],
    ['enum vdi_type', 'nonsense'],
    ['string set', 'a'],
    ['string set', {}],
    ['(string -> string) map', []],
    ['(string -> string) map', null],
    ['(enum vm_operations -> string) map', { no_such_operation: '' }],
    ['VDI record', []],
  ]
  for (const [type, given] of bad) test(`${JSON.stringify(given)} is refused as ${type}`, () => refused(type, given))

  test('text that is no Unicode is refused as a value', () => {
    refused('string', 'a\ud800', 'INVALID_VALUE')
  })

  test('a record keeps what the class constructs from, and nothing else', () => {
    const given = {
      SR: 'OpaqueRef:sr',
      virtual_size: '8388608',
      type: 'user',
      sharable: false,
      read_only: false,
      other_config: {},
      nonsense: 1,
      uuid: 'mine',
      name_label: 'x',
    }
    assert.deepEqual(convert('VDI record', given), {
      SR: 'OpaqueRef:sr',
      virtual_size: 8388608,
      type: 'user',
      sharable: false,
      read_only: false,
      other_config: {},
      name_label: 'x',
    })
  })

  test('a record without a key that has no default is refused, naming the key', () => {
    assert.throws(
      () => convert('VDI record', { SR: 'x' }),
      (error) => error instanceof XapiFailure && /FieldNotFound.*virtual_size/.test(error.params[0] ?? ''),
    )
  })

  test('keys of a map that mean something to JavaScript are keys like others', () => {
    const map = convert('(string -> string) map', JSON.parse('{"__proto__":"x","constructor":"y"}')) as Record<string, string>
    assert.deepEqual(Object.entries(map), [
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ])
  })
})
