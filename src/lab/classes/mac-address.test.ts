import assert from 'node:assert/strict'
import { it } from 'node:test'
import { derivedMac, isMac } from './mac-address.ts'

it('a MAC follows from the seed and the device as on XAPI 26.1', () => {
  const seed = '11111111-2222-4333-8444-555555555555'
  assert.equal(derivedMac(seed, 0), '26:ba:38:21:a3:34')
  assert.equal(derivedMac(seed, 1), 'b6:73:b2:48:e1:7a')
  assert.equal(derivedMac(seed, 2), 'b2:97:3a:fc:3a:60')
  assert.equal(derivedMac(seed, 7), 'ca:da:80:8e:41:b8')
})

it('a derived MAC is unicast and locally administered', () => {
  for (let device = 0; device < 16; device++) {
    const first = Number.parseInt(derivedMac(`seed ${device}`, device).slice(0, 2), 16)
    assert.equal(first & 0x03, 0x02)
  }
})

it('a MAC is six pairs with colons in either case, multicast or not', () => {
  for (const good of ['0A:0B:0C:0D:0E:0F', '01:0b:0c:0d:0e:0f']) assert.ok(isMac(good), good)
  for (const bad of ['', 'zz:00', '0a-0b-0c-0d-0e-0f', '0a:0b:0c:0d:0e', '0a:0b:0c:0d:0e:0f:10', '0a:0b:0c:0d:0e:0g'])
    assert.ok(!isMac(bad), bad)
})
