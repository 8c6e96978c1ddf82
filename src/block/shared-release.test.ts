import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sharedRelease } from './shared-release.ts'

test('shared memory is freed once, when its last holder has let go, however often the others do', () => {
  let freed = 0
  const holder = sharedRelease(3, () => freed++)
  const [one, two, three] = [holder(), holder(), holder()]
  for (const release of [one, one, one, three, three]) release()
  assert.equal(freed, 0)
  two()
  assert.equal(freed, 1)
  for (const release of [one, two, three]) release()
  assert.equal(freed, 1)
})
