import assert from 'node:assert/strict'
import { it } from 'node:test'
import { completedBiosStrings, GENERIC_BIOS_STRINGS } from './bios-strings.ts'

it('strings that are not given are generic ones', () => {
  assert.deepEqual(completedBiosStrings({ 'bios-vendor': 'probe' }), { ...GENERIC_BIOS_STRINGS, 'bios-vendor': 'probe' })
})

it('unknown keys and values that a BIOS can not show are refused', () => {
  for (const given of [
    { nonsense: 'x' },
    { 'oem-1': 'x' },
    { 'bios-vendor': '' },
    { 'bios-vendor': 'é' },
    { 'bios-vendor': 'x'.repeat(513) },
  ]) {
    assert.throws(() => completedBiosStrings(given), { code: 'INVALID_VALUE' }, JSON.stringify(given))
  }
  assert.doesNotThrow(() => completedBiosStrings({ 'bios-vendor': 'x'.repeat(512) }))
})
