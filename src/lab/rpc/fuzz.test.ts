import assert from 'node:assert/strict'
import { test } from 'node:test'
import { damagedText } from '../../../test/support/damaged-text.ts'
import { randomNumbers, testSeed } from '../../../test/support/random-disk.ts'
import { ArchiveFault, decodeOvaXml } from '../xva/ova-xml.ts'
import { decodeTarHeader, encodeTarHeader } from '../xva/tar-header.ts'
import { answerJson } from './json-rpc.ts'
import { Malformed } from './malformed.ts'
import { answerXml } from './xml-rpc.ts'

const seed = testSeed()
const rounds = Number(process.env.UNDERSTUDY_FUZZ_ROUNDS ?? 300)

const call = (...values: string[]) =>
  `<?xml version="1.0"?><methodCall><methodName>VM.x</methodName><params>${values.map((value) => `<param><value>${value}</value></param>`).join('')}</params></methodCall>`
const CALLS = [
  call('OpaqueRef:1', '<int>5</int>', '<boolean>1</boolean>', '<double>1.5</double>'),
  call('<array><data><value>a</value><value><int>1</int></value></data></array>', '<nil/>'),
  call(
    '<struct><member><name>k</name><value>v</value></member><member><name>l</name><value><struct/></value></member></struct>',
    '&lt;&#x1F600;<![CDATA[x]]>',
  ),
]
const XML_PIECES = ['<value>', '</value>', '<struct>', '<array><data>', '<member><name>__proto__</name>', '&#', '&#x110000;', '<!--', ']]>']
const PIECES = [
  ...XML_PIECES,
  '<![CDATA[',
  '<?',
  '<!DOCTYPE a [<!ENTITY b "c">]>',
  '&b;',
  '<int>',
  '</int>',
  'é',
  '\0',
  '<param>',
  '<i8>9e999</i8>',
]

/** Every eighth is as it should be, so that answers are looked at too, whatever the damage does to the others. */
const mostlyDamaged = (round: number, random: (below: number) => number, whole: readonly string[], pieces: readonly string[]): string =>
  round % 8 === 0 ? (whole[random(whole.length)] as string) : damagedText(random, whole, pieces)

/** Takes what it is given, as long as it is plain data. */
const dispatcher = {
  dispatch: async (name: string, params: readonly unknown[]) => {
    assert.equal(typeof name, 'string')
    assert.doesNotThrow(() => JSON.stringify(params))
    return { value: '', type: 'void' as const }
  },
}

test(`damaged XML-RPC calls are answered or Malformed, nothing else, and prototypes stay as they are (seed ${seed}, ${rounds} rounds)`, async () => {
  const random = randomNumbers(seed)
  const outcomes = { answered: 0, malformed: 0 }
  for (let round = 0; round < rounds; round++) {
    const text = mostlyDamaged(round, random, CALLS, PIECES)
    try {
      await answerXml(dispatcher, text)
      outcomes.answered++
    } catch (error) {
      if (!(error instanceof Malformed)) throw new Error(`round ${round}: ${JSON.stringify(text)}`, { cause: error })
      outcomes.malformed++
    }
  }
  assert.deepEqual(Object.keys(Object.prototype), [])
  assert.ok(outcomes.answered >= rounds / 8 && outcomes.malformed > 0, JSON.stringify(outcomes))
})

const JSON_CALLS = [
  '{"jsonrpc":"2.0","id":1,"method":"VM.x","params":["OpaqueRef:1",5,true,{"a":["b",null]}]}',
  '{"method":"VM.x","params":[],"id":"x"}',
]
const JSON_PIECES = ['{', '}', '[', ']', '"', '"__proto__":', '1e999', ',', 'null', '\\u0000', '"method":', '-']

test(`damaged JSON-RPC calls are answered or Malformed, nothing else (seed ${seed}, ${rounds} rounds)`, async () => {
  const random = randomNumbers(seed + 1)
  for (let round = 0; round < rounds; round++) {
    const text = damagedText(random, JSON_CALLS, JSON_PIECES)
    try {
      assert.equal(typeof (await answerJson(dispatcher, text)), 'string')
    } catch (error) {
      if (!(error instanceof Malformed)) throw new Error(`round ${round}: ${JSON.stringify(text)}`, { cause: error })
    }
  }
  assert.deepEqual(Object.keys(Object.prototype), [])
})

const OVA = [
  `<value><struct><member><name>version</name><value><struct><member><name>xapi_major</name><value>1</value></member><member><name>xapi_minor</name><value>20</value></member></struct></value></member><member><name>objects</name><value><array><data><value><struct><member><name>class</name><value>VM</value></member><member><name>id</name><value>Ref:1</value></member><member><name>snapshot</name><value><struct><member><name>name_label</name><value>x</value></member><member><name>VCPUs_max</name><value>1</value></member></struct></value></member></struct></value></data></array></value></member></struct></value>`,
]

test(`damaged ova.xml and tar headers give ArchiveFault or values, nothing else (seed ${seed}, ${rounds} rounds)`, () => {
  const random = randomNumbers(seed + 2)
  let read = 0
  for (let round = 0; round < rounds; round++) {
    const text = mostlyDamaged(round, random, OVA, PIECES)
    try {
      decodeOvaXml(text)
      read++
    } catch (error) {
      if (!(error instanceof ArchiveFault)) throw new Error(`round ${round}: ${JSON.stringify(text)}`, { cause: error })
    }
    const header = encodeTarHeader('Ref:1/00000000', random(2 ** 31))
    for (let stroke = random(4); stroke > 0; stroke--) header[random(512)] = random(256)
    const member = decodeTarHeader(header)
    assert.ok(member === undefined || (Number.isSafeInteger(member.size) && member.size >= 0 && member.name.length <= 256))
  }
  assert.ok(read >= rounds / 8, `${read}`)
})
