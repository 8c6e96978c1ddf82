import assert from 'node:assert/strict'
import { it } from 'node:test'
import { freeDiskNumbers, linuxName, parseDevice, possibleDevices } from './device-number.ts'

it('numbers below 4 are IDE disks to an emulated machine only', () => {
  assert.deepEqual(parseDevice('0', true), { bus: 'ide', disk: 0, partition: 0 })
  assert.deepEqual(parseDevice('0', false), { bus: 'xen', disk: 0, partition: 0 })
  assert.deepEqual(parseDevice('4', true), { bus: 'xen', disk: 4, partition: 0 })
})

it('Linux names count in letters', () => {
  for (const [name, disk] of [
    ['xvda', 0],
    ['xvdz', 25],
    ['xvdaa', 26],
    ['xvdiv', 255],
  ] as const) {
    assert.deepEqual(parseDevice(name, false), { bus: 'xen', disk, partition: 0 })
    assert.equal(linuxName(String(disk)), name)
  }
  assert.deepEqual(parseDevice('sdb3', false), { bus: 'scsi', disk: 1, partition: 3 })
})

it('what is no device is undefined', () => {
  for (const bad of ['', 'zzz!', '-1', 'xvd', 'xvdA', '1.5', 'autodetect', '9'.repeat(40)])
    assert.equal(parseDevice(bad, false), undefined, bad)
})

it('two names of one device clash', () => {
  const clash = (a: string, b: string) => possibleDevices(a).some((device) => possibleDevices(b).includes(device))
  assert.ok(clash('0', 'xvda'))
  assert.ok(clash('1', 'hdb'))
  assert.ok(clash('4', 'xvde'))
  assert.ok(!clash('0', '1'))
  assert.ok(!clash('0', 'sda'))
})

it('free numbers leave out what is used under any name', () => {
  assert.deepEqual(freeDiskNumbers(['0', 'hdc', 'xvde', ''], true).slice(0, 3), ['1', '3', '5'])
  assert.equal(freeDiskNumbers([], true).length, 255)
})
