import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomNumbers, testSeed } from '../../test/support/random-disk.ts'
import {
  formatDatetime,
  formatNameDate,
  isBeingWritten,
  MARK,
  parseDatetime,
  readMarks,
  readReplicaMark,
  readRestorePointMark,
  readWritingMark,
  withoutMarks,
} from './marks.ts'

const seed = testSeed()

test('the keys that the original knows are read with its meaning', () => {
  const config = {
    'xo:backup:job': 'J',
    'xo:backup:schedule': 'S',
    'xo:backup:vm': 'V',
    'xo:backup:datetime': '20260102T03:04:05Z',
    'xo:backup:exported': 'true',
    'xo:backup:deltaChainLength': '12',
    'xo:backup:sr': 'R',
    'xo:copy_of': 'C',
  }
  assert.deepEqual(readMarks(config), {
    job: 'J',
    schedule: 'S',
    vm: 'V',
    datetime: '20260102T03:04:05Z',
    exported: true,
    chainLength: 12,
    sr: 'R',
    copyOf: 'C',
  })
  const none = readMarks({ 'xo:backup:exported': 'yes', 'xo:backup:deltaChainLength': '-1' })
  assert.deepEqual([none.exported, none.chainLength, none.job, none.copyOf], [false, undefined, undefined, undefined])
})

test('G2: a replica mark counts only for the object it was written to, not for a clone or snapshot that inherited it', () => {
  const mark = { job: 'J', vm: 'V', sr: 'R', self: 'me' }
  const config = { [MARK.replica]: JSON.stringify(mark) }
  assert.deepEqual(readReplicaMark(config, 'me'), mark)
  assert.equal(readReplicaMark(config, 'my clone'), undefined)
  assert.equal(readReplicaMark({}, 'me'), undefined)
})

test('G2: a damaged writing mark is unreadable, but the disk still counts as being written', () => {
  const good = { run: 'r', from: 's1', to: 's2' }
  assert.deepEqual(readWritingMark({ [MARK.writing]: JSON.stringify(good) }), good)
  assert.deepEqual(readWritingMark({ [MARK.writing]: '{"run":"r","from":null,"to":"s2"}' }), { ...good, from: null })
  for (const damaged of ['', '{', 'null', '7', '[]', '"text"', '{"run":"r"}', '{"run":"r","to":"s2"}', '{"run":"r","from":3,"to":"s2"}']) {
    const config = { [MARK.writing]: damaged }
    assert.equal(readWritingMark(config), undefined, damaged)
    assert.equal(isBeingWritten(config), true, damaged)
  }
  assert.equal(isBeingWritten({}), false)
})

test('G1: a damaged restore point mark promises nothing', () => {
  const good = { run: 'r', generation: 3, disks: { 0: 's1' } }
  assert.deepEqual(readRestorePointMark({ [MARK.restorePoint]: JSON.stringify(good) }), good)
  for (const damaged of [
    '',
    '{',
    'null',
    '{"run":"r","generation":3}',
    '{"run":"r","generation":3,"disks":null}',
    '{"run":"r","generation":"3","disks":{}}',
    '{"run":"r","generation":1.5,"disks":{}}',
    '{"generation":3,"disks":{}}',
  ]) {
    assert.equal(readRestorePointMark({ [MARK.restorePoint]: damaged }), undefined, damaged)
  }
})

test(`cut or altered JSON of a mark never throws (seed ${seed})`, () => {
  const random = randomNumbers(seed)
  const texts = [
    '{"job":"J","vm":"V","sr":"R","self":"me"}',
    '{"run":"r","from":null,"to":"s2"}',
    '{"run":"r","generation":1,"disks":{"0":"s"}}',
  ]
  for (let round = 0; round < 2000; round++) {
    const text = texts[random(texts.length)] as string
    const at = random(text.length)
    const damaged = random(2) ? text.slice(0, at) : text.slice(0, at) + String.fromCharCode(random(128)) + text.slice(at + 1)
    const config = { [MARK.replica]: damaged, [MARK.writing]: damaged, [MARK.restorePoint]: damaged }
    const replica = readReplicaMark(config, 'me')
    assert.ok(replica === undefined || replica.self === 'me')
    const writing = readWritingMark(config)
    assert.ok(writing === undefined || (typeof writing.run === 'string' && typeof writing.to === 'string'))
    const point = readRestorePointMark(config)
    assert.ok(point === undefined || Number.isSafeInteger(point.generation))
  }
})

test('nothing of a replication travels from source to replica, everything else does', () => {
  const own = Object.fromEntries(Object.values(MARK).map((key) => [key, 'x']))
  const others = {
    'xo:backupNetwork': 'n',
    'xo:0a1b2c3d': '{}',
    'folder/understudy:x': 'y',
    mac_seed: 'm',
    '': 'empty',
    base_template_name: 'Debian',
  }
  assert.deepEqual(withoutMarks({ ...own, 'xo:backup:something-new': '1', ...others }), others)
})

test('dates are written as the original writes them, and read in every form that XAPI has', () => {
  const time = Date.UTC(2026, 10, 3, 4, 5, 6)
  assert.equal(formatDatetime(time), '20261103T04:05:06Z')
  assert.equal(formatDatetime(time + 999), '20261103T04:05:06Z')
  assert.equal(formatNameDate(time), '20261103T040506Z')
  for (const text of ['20261103T04:05:06Z', '20261103T040506Z', '2026-11-03T04:05:06Z', '2026-11-03T04:05:06.123Z', '20261103T04:05:06'])
    assert.equal(parseDatetime(text), time, text)
  // The epoch is XAPI's "never".
  for (const text of [undefined, '', 'yesterday', '19700101T00:00:00Z', '2026-11-03', '20261103T04:05:06+01:00'])
    assert.equal(parseDatetime(text), undefined, text)
})

test(`a date survives writing and reading (seed ${seed})`, () => {
  const random = randomNumbers(seed + 1)
  for (let round = 0; round < 500; round++) {
    const time = (1 + random(2 ** 32 - 1)) * 1000
    assert.equal(parseDatetime(formatDatetime(time)), time)
    assert.equal(parseDatetime(formatNameDate(time)), time)
  }
})
