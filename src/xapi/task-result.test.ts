import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeTaskResult } from './task-result.ts'

const results: [text: string, decoded: string | string[] | undefined][] = [
  ['', undefined],
  ['<value></value>', undefined],
  ['<value/>', undefined],
  ['<value>OpaqueRef:1234</value>', 'OpaqueRef:1234'],
  ['<value><string>OpaqueRef:1234</string></value>', 'OpaqueRef:1234'],
  ['<value>a &lt;b&gt; &amp;amp; &quot;c&quot; &#233; &#x20AC; &apos;</value>', 'a <b> &amp; "c" é € \''],
  ['<value><boolean>1</boolean></value>', '1'],
  ['<value><array><data></data></array></value>', []],
  ['<value><array><data/></array></value>', []],
  ['<value><array><data><value>OpaqueRef:1</value><value>OpaqueRef:2</value></data></array></value>', ['OpaqueRef:1', 'OpaqueRef:2']],
  ['<value><array><data> <value><string>a&amp;b</string></value>\n<value/> </data></array></value>', ['a&b', '']],
  [`<value>${'A'.repeat(1_000_000)}</value>`, 'A'.repeat(1_000_000)],
]

for (const [text, decoded] of results) {
  test(`task result ${text.slice(0, 70)} is decoded`, () => assert.deepEqual(decodeTaskResult(text), decoded))
}

const refused = [
  'OpaqueRef:1234',
  '<value>',
  '<value><struct><member><name>a</name><value>b</value></member></struct></value>',
  '<value><array><data><value><array><data></data></array></value></data></array></value>',
  '<value><array><data><value>a</value>',
  '<value><array></array></value>',
  '<value><array><data>words</data></array></value>',
]

for (const text of refused) {
  test(`task result ${text.slice(0, 70)} is refused`, () => assert.throws(() => decodeTaskResult(text), TypeError))
}
