import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { needs, programPath } from '../../../test/support/programs.ts'
import type { Disk } from '../pool.ts'
import { ContentError, type DiskFiller, startDiskFiller } from './disk-content.ts'
import { usedExtents } from './ext4-image.ts'

const run = promisify(execFile)
const MiB = 2 ** 20

/** A disk that only takes writes, and keeps them. */
function recordingDisk(size: number): { disk: Disk; writes: { offset: number; data: Buffer }[] } {
  const writes: { offset: number; data: Buffer }[] = []
  const write = (offset: number, data: Buffer) => {
    assert.ok(offset % 512 === 0 && data.length % 512 === 0 && offset + data.length <= size && data.length <= MiB)
    writes.push({ offset, data: Buffer.from(data) })
  }
  return { disk: { size, write } as unknown as Disk, writes }
}

describe('content of new disks', needs('mke2fs', 'e2fsck', 'debugfs'), () => {
  let folder: string
  let filler: DiskFiller
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lab-content-'))
    filler = await startDiskFiller(join(folder, 'scratch'))
  })
  after(async () => {
    await filler.close()
    await rm(folder, { recursive: true, force: true })
  })

  const assertFileSystem = async (size: number, fill: number) => {
    const { disk, writes } = recordingDisk(size)
    await filler.fill(disk, { kind: 'ext4', fill, seed: 'one' })
    const path = join(folder, 'disk.img')
    {
      await using file = await open(path, 'w')
      await file.truncate(size)
      for (const { offset, data } of writes) await file.write(data, 0, data.length, offset)
    }
    await run(programPath('e2fsck') as string, ['-fn', path])
    const { stdout } = await run(programPath('debugfs') as string, ['-R', 'cat /etc/hostname', path])
    assert.equal(stdout, 'lab-one\n')
    return writes.reduce((sum, { data }) => sum + data.length, 0)
  }

  for (const size of [2 * MiB, 10 * MiB, 300 * MiB, 2048 * MiB + 2 * MiB]) {
    test(`a disk of ${size / MiB} MiB carries a clean ext4 with files`, async () => {
      const fill = Math.floor(size / 8)
      const bytes = await assertFileSystem(size, Math.min(fill, 8 * MiB))
      assert.ok(bytes < Math.min(fill, 8 * MiB) + 8 * MiB, `${bytes} bytes written`)
    })
  }

  test('a disk of 100 GiB costs a few MiB and no time', { timeout: 20_000 }, async () => {
    const bytes = await assertFileSystem(100 * 1024 * MiB, 4 * MiB)
    assert.ok(bytes < 40 * MiB, `${bytes} bytes written`)
  })

  test('the same size, fill and seed give the same disk', async () => {
    const [one, two] = [recordingDisk(64 * MiB), recordingDisk(64 * MiB)]
    for (const { disk } of [one, two]) await filler.fill(disk, { kind: 'ext4', fill: MiB, seed: 'same' })
    assert.deepEqual(one.writes, two.writes)
  })

  test('files that do not fit are refused', async () => {
    const { disk } = recordingDisk(4 * MiB)
    await assert.rejects(filler.fill(disk, { kind: 'ext4', fill: 4 * MiB, seed: '0' }), ContentError)
    // and the next one is served all the same
    await filler.fill(disk, { kind: 'ext4', fill: 1000, seed: '0' })
  })

  test('nothing of the making is left behind', async () => {
    const scratch = join(folder, 'other')
    const other = await startDiskFiller(scratch)
    await other.fill(recordingDisk(8 * MiB).disk, { kind: 'ext4', fill: 1000, seed: '0' })
    assert.ok(existsSync(scratch))
    await other.close()
    assert.ok(!existsSync(scratch))
  })

  test('without mke2fs disks carry a pattern, and it is said', async () => {
    const without = await startDiskFiller(join(folder, 'without'), [])
    assert.match(without.withoutFileSystems ?? '', /e2fsprogs/)
    const { disk, writes } = recordingDisk(8 * MiB)
    await without.fill(disk, { kind: 'ext4', fill: 2.5 * MiB, seed: '0' })
    assert.equal(
      writes.reduce((sum, { data }) => sum + data.length, 0),
      2.5 * MiB,
    )
    await without.close()
  })
})

test('what is used follows from what dumpe2fs calls free', () => {
  const report =
    'Block size:               1024\n\nGroup 0: (Blocks 1-8192)\n  Free blocks: 3-4, 6, 9-8192\nGroup 1: (Blocks 8193-9000)\n  Free blocks: 8193-8999\n'
  assert.deepEqual(usedExtents(report, 9216 * 1024), [
    { offset: 0, length: 3 * 1024 },
    { offset: 5 * 1024, length: 1024 },
    { offset: 7 * 1024, length: 2 * 1024 },
    { offset: 9000 * 1024, length: 216 * 1024 },
  ])
})
