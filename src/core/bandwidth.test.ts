import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bandwidthAt, parseBandwidthRule } from './bandwidth.ts'

const MIB = 1024 ** 2

test('limits are written with binary units, all day or for hours', () => {
  assert.deepEqual(parseBandwidthRule('20MiB/s'), { bytesPerSecond: 20 * MIB })
  assert.deepEqual(parseBandwidthRule('1.5M'), { bytesPerSecond: 1.5 * MIB })
  assert.deepEqual(parseBandwidthRule('500k@22:00-06:30'), { bytesPerSecond: 500 * 1024, hours: { from: 22 * 60, to: 6 * 60 + 30 } })
  for (const nonsense of ['', 'fast', '0', '10', '-1M', '20M@8-18', '20M@25:00-26:00', '20M@08:61-09:00', '20M/h'])
    assert.equal(parseBandwidthRule(nonsense), undefined, nonsense)
})

test('the lowest limit that holds at that minute counts, also over midnight', () => {
  const rules = ['100M', '20M@08:00-18:00', '5M@22:00-02:00'].map(
    (text) => parseBandwidthRule(text) as NonNullable<ReturnType<typeof parseBandwidthRule>>,
  )
  const at = (hour: number, minute = 0) => (bandwidthAt(rules, hour * 60 + minute) ?? 0) / MIB
  assert.deepEqual([at(7, 59), at(8), at(17, 59), at(18), at(22), at(1, 59), at(2)], [100, 20, 20, 100, 5, 5, 100])
  assert.equal(bandwidthAt([], 0), undefined)
  assert.equal(bandwidthAt(rules.slice(1), 20 * 60), undefined)
})
