import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Value, XapiFailure } from '../pool.ts'
import type { Answer, Dispatcher } from './dispatcher.ts'
import { answerJson } from './json-rpc.ts'
import { Malformed } from './malformed.ts'
import { parseXml, XmlError } from './xml-reader.ts'
import { answerXml } from './xml-rpc.ts'
import { xmlValue } from './xml-value.ts'

/** A dispatcher that notes what it is called with, and answers as told. */
function recorder(answer: Answer | XapiFailure = { value: '', type: 'void' }) {
  const calls: { name: string; params: readonly unknown[] }[] = []
  const dispatcher: Dispatcher = {
    dispatch: async (name, params) => {
      calls.push({ name, params })
      if (answer instanceof Error) throw answer
      return answer
    },
    invoke: async () => undefined,
    names: () => [],
  }
  return { dispatcher, calls }
}

const call = (...values: string[]) =>
  `<?xml version="1.0"?>\n<methodCall><methodName> VM.x </methodName><params>${values.map((value) => `<param><value>${value}</value></param>`).join('')}</params></methodCall>`

describe('XML-RPC calls', () => {
  const values: [xml: string, value: unknown][] = [
    ['plain', 'plain'],
    ['', ''],
    ['<string>  two  spaces </string>', '  two  spaces '],
    ['<string/>', ''],
    ['<string>&lt;&amp;&#x1F600;&#10;&quot;&apos;</string>', '<&😀\n"\''],
    ['<string><![CDATA[<a>&amp;]]></string>', '<a>&amp;'],
    ['<int>5</int>', 5],
    ['<i8>-16777216</i8>', -16777216],
    ['<boolean>1</boolean>', true],
    ['<boolean>0</boolean>', false],
    ['<double>60.1</double>', 60.1],
    ['<dateTime.iso8601>20240131T12:34:56Z</dateTime.iso8601>', '20240131T12:34:56Z'],
    ['<nil/>', null],
    ['<array><data><value>a</value><value><int>1</int></value></data></array>', ['a', 1]],
    ['<array><data/></array>', []],
    ['<struct><member><name>k</name><value>v</value></member></struct>', { k: 'v' }],
    ['<struct/>', {}],
    ['\n  <string>x</string>\n', 'x'],
  ]
  for (const [xml, value] of values) {
    test(`${xml} is read`, async () => {
      const { dispatcher, calls } = recorder()
      await answerXml(dispatcher, call(xml))
      assert.deepEqual(calls, [{ name: 'VM.x', params: [value] }])
    })
  }

  for (const body of [
    '',
    'hello',
    '<methodCall><methodName>VM.x',
    '<methodCall></methodCall>',
    '<other/>',
    call('<int>x</int>'),
    call('<what>1</what>'),
    call('&no;'),
    call('<a></b>'),
    `${call('x')}<again/>`,
    `${'<a>'.repeat(200)}${'</a>'.repeat(200)}`,
    '<!DOCTYPE a [<!ENTITY b "c">]><methodCall><methodName>&b;</methodName></methodCall>',
  ]) {
    test(`${JSON.stringify(body.slice(0, 60))} is no call`, async () => {
      await assert.rejects(answerXml(recorder().dispatcher, body), Malformed)
    })
  }

  test('bytes changed at random are read or refused, in bounded time', () => {
    const seed = Number(process.env.SEED ?? Date.now() % 1e9)
    console.log(`seed ${seed} (SEED=${seed} repeats it)`)
    let state = seed >>> 0
    const random = (below: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    }
    const source = call('<struct><member><name>k</name><value><array><data><value>&lt;x</value></data></array></value></member></struct>')
    const spice = '<>/&;"\'?!-[] a\u0000é'
    for (let i = 0; i < 20_000; i++) {
      const chars = [...source]
      for (let n = random(6); n >= 0; n--) chars.splice(random(chars.length), random(4), spice[random(spice.length)] as string)
      try {
        parseXml(chars.join(''))
      } catch (error) {
        assert.ok(error instanceof XmlError, String(error))
      }
    }
  })
})

describe('XML-RPC replies', () => {
  const values: [value: Value, type: string, xml: string][] = [
    [5, 'int', '5'],
    [1, 'float', '<double>1</double>'],
    [true, 'bool', '<boolean>1</boolean>'],
    ['a<&>', 'string', 'a&lt;&amp;&gt;'],
    ['20240131T12:34:56Z', 'datetime', '<dateTime.iso8601>20240131T12:34:56Z</dateTime.iso8601>'],
    [[], 'VM ref set', '<array><data></data></array>'],
    [{ a: 1 }, '(string -> int) map', '<struct><member><name>a</name><value>1</value></member></struct>'],
    [
      { x: { virtual_size: 1, managed: true, snapshot_time: '19700101T00:00:00Z' } },
      '(VDI ref -> VDI record) map',
      '<struct><member><name>x</name><value><struct><member><name>virtual_size</name><value>1</value></member><member><name>managed</name><value><boolean>1</boolean></value></member><member><name>snapshot_time</name><value><dateTime.iso8601>19700101T00:00:00Z</dateTime.iso8601></value></member></struct></value></member></struct>',
    ],
    [
      { events: [{ id: '1', class: 'vdi', snapshot: { virtual_size: 5 } }], token: 't', valid_ref_counts: { vdi: 2 } },
      'an event batch',
      '<struct><member><name>events</name><value><array><data><value><struct><member><name>id</name><value>1</value></member><member><name>class</name><value>vdi</value></member><member><name>snapshot</name><value><struct><member><name>virtual_size</name><value>5</value></member></struct></value></member></struct></value></data></array></value></member><member><name>token</name><value>t</value></member><member><name>valid_ref_counts</name><value><struct><member><name>vdi</name><value><i4>2</i4></value></member></struct></value></member></struct>',
    ],
  ]
  for (const [value, type, xml] of values) test(`a value of type ${type} is written`, () => assert.equal(xmlValue(value, type), xml))

  test('success, failure and the bare list have their shapes', async () => {
    assert.match(
      await answerXml(recorder({ value: 'v', type: 'string' }).dispatcher, call()),
      /<name>Status<\/name><value>Success<\/value>.*<name>Value<\/name><value>v</,
    )
    const failed = await answerXml(recorder(new XapiFailure('CODE', ['a&b'])).dispatcher, call())
    assert.match(failed, /Failure<.*<name>ErrorDescription<\/name><value><array><data><value>CODE<\/value><value>a&amp;b<\/value>/)
    const bare = await answerXml(recorder({ value: ['a'], type: 'string set', bare: true }).dispatcher, call())
    assert.match(bare, /<param><value><array><data><value>a</)
  })
})

describe('JSON-RPC', () => {
  const json = async (answer: Answer | XapiFailure, request: unknown) =>
    JSON.parse(await answerJson(recorder(answer).dispatcher, JSON.stringify(request))) as unknown
  const good: Answer = { value: 5, type: 'int' }

  test('each version has its own shapes', async () => {
    assert.deepEqual(await json(good, { jsonrpc: '2.0', id: 7, method: 'x', params: [] }), { jsonrpc: '2.0', id: 7, result: 5 })
    assert.deepEqual(await json(good, { id: 'a', method: 'x', params: [] }), { id: 'a', result: 5, error: null })
    const failure = new XapiFailure('CODE', ['p'])
    assert.deepEqual(await json(failure, { jsonrpc: '2.0', id: 7, method: 'x' }), {
      jsonrpc: '2.0',
      id: 7,
      error: { code: 1, message: 'CODE', data: ['p'] },
    })
    assert.deepEqual(await json(failure, { id: 7, method: 'x' }), { id: 7, result: null, error: ['CODE', 'p'] })
  })

  test('parameters given by name count as one, none as none', async () => {
    const { dispatcher, calls } = recorder()
    await answerJson(dispatcher, JSON.stringify({ id: 1, method: 'x', params: { a: 1 } }))
    await answerJson(dispatcher, JSON.stringify({ id: 1, method: 'x' }))
    assert.deepEqual(
      calls.map(({ params }) => params.length),
      [1, 0],
    )
  })

  for (const body of [
    '',
    '{',
    '[]',
    '"x"',
    'null',
    '{"method":"x","params":[]}',
    '{"id":null,"method":"x"}',
    '{"id":1}',
    '[{"id":1,"method":"x"}]',
    '<methodCall/>',
  ]) {
    test(`${JSON.stringify(body)} is no call`, async () => {
      await assert.rejects(answerJson(recorder().dispatcher, body), Malformed)
    })
  }
})
