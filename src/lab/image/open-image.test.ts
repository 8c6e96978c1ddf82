import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, open, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { needs } from '../../../test/support/programs.ts'
import { fillPattern } from '../content/pattern.ts'
import { seededNumbers } from '../content/seeded-numbers.ts'
import { ImageError } from './image.ts'
import { openImage } from './open-image.ts'

const run = promisify(execFile)
const MiB = 2 ** 20
const size = 37 * MiB + 1536
const seed = process.env.SEED ?? String(Date.now())

describe(`disk images (SEED=${seed})`, needs('qemu-img', 'qemu-io'), () => {
  let folder: string
  let raw: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lab-image-'))
    raw = join(folder, 'disk.raw')
    const numbers = seededNumbers(seed)
    await using file = await open(raw, 'w')
    await file.truncate(size)
    for (let piece = 0; piece < 60; piece++) {
      const offset = numbers(size / 512 - 4096) * 512
      const data = Buffer.alloc(512 * (1 + numbers(1024)))
      fillPattern(data, offset, numbers(2) === 0 ? { kind: 'random', seed: `${seed} ${piece}` } : { kind: 'text', seed })
      await file.write(data, 0, data.length, offset)
    }
    // A raw file may end anywhere.
    await file.write(Buffer.from('end'), 0, 3, size - 3)
  })
  after(() => rm(folder, { recursive: true, force: true }))

  const convert = async (name: string, ...options: string[]) => {
    const path = join(folder, name)
    await run('qemu-img', ['convert', '-f', 'raw', ...options, raw, path])
    return path
  }
  /** The disk as our reader gives it, beside what qemu-img makes of the same image. */
  const assertReadsLikeQemu = async (path: string, qemuFormat: string) => {
    const expected = join(folder, 'expected.raw')
    await run('qemu-img', ['convert', '-f', qemuFormat, '-O', 'raw', path, expected])
    const wanted = await readFile(expected)
    const image = await openImage(path)
    try {
      assert.equal(image.size, wanted.length)
      const got = Buffer.alloc(Math.ceil(image.size / 512) * 512)
      const seen = new Set<number>()
      for await (const { offset, data } of image.blocks()) {
        assert.equal(offset % 512, 0)
        assert.equal(data.length % 512, 0)
        for (let at = offset; at < offset + data.length; at += 512) {
          assert.ok(!seen.has(at), `byte ${at} given twice`)
          seen.add(at)
        }
        data.copy(got, offset)
      }
      assert.ok(got.subarray(0, image.size).equals(wanted), 'the bytes are those of qemu-img')
      assert.ok(seen.size * 512 < image.size, 'zeroes are left out')
    } finally {
      await image.close()
    }
    return image.format
  }

  for (const [name, ...options] of [
    ['qcow2 version 3', '-O', 'qcow2'],
    ['qcow2 version 2', '-O', 'qcow2', '-o', 'compat=0.10'],
    ['qcow2, small clusters', '-O', 'qcow2', '-o', 'cluster_size=512'],
    ['qcow2, large clusters', '-O', 'qcow2', '-o', 'cluster_size=2M'],
    ['qcow2, compressed by zlib', '-c', '-O', 'qcow2'],
    ['qcow2, compressed by zstd', '-c', '-O', 'qcow2', '-o', 'compression_type=zstd'],
    ['qcow2, compressed small clusters', '-c', '-O', 'qcow2', '-o', 'cluster_size=4k'],
  ] as const) {
    test(`${name} reads as qemu-img reads it`, async () => {
      assert.equal(await assertReadsLikeQemu(await convert(`${options.join('')}.qcow2`, ...options), 'qcow2'), 'qcow2')
    })
  }
  for (const subformat of ['dynamic', 'fixed']) {
    test(`VHD ${subformat} reads as qemu-img reads it`, async () => {
      const path = await convert(`${subformat}.img`, '-O', 'vpc', '-o', `subformat=${subformat},force_size=on`)
      assert.equal(await assertReadsLikeQemu(path, 'vpc'), 'vhd')
    })
  }
  test('a raw file of any length reads as it is', async () => {
    const odd = await convert('odd.img', '-O', 'raw')
    await truncate(odd, size - 700)
    const image = await openImage(odd)
    const got = Buffer.alloc(size)
    for await (const { offset, data } of image.blocks()) data.copy(got, offset)
    assert.equal(image.format, 'raw')
    assert.equal(image.size, size - 700)
    const wanted = Buffer.alloc(size)
    const file = await readFile(odd)
    file.copy(wanted)
    assert.ok(got.equals(wanted))
    await image.close()
  })
  test('qcow2: discarded clusters and snapshots inside it do not change what is read', async () => {
    const path = await convert('snapshot.qcow2', '-O', 'qcow2')
    await run('qemu-img', ['snapshot', '-c', 'before', path])
    await run('qemu-io', ['-f', 'qcow2', '-c', 'write -z 0 3M', '-c', 'write -P 7 5M 200k', '-c', 'write -z -u 8M 2M', path])
    await assertReadsLikeQemu(path, 'qcow2')
  })

  const refused = async (path: string, message: RegExp) => {
    await assert.rejects(
      async () => {
        const image = await openImage(path)
        try {
          for await (const _ of image.blocks());
        } finally {
          await image.close()
        }
      },
      (error: unknown) => error instanceof ImageError && message.test(error.message),
    )
  }
  test('what the lab can not read is refused by name', async () => {
    const base = await convert('base.qcow2', '-O', 'qcow2')
    const at = (name: string) => join(folder, name)
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', base, at('overlay')])
    await refused(at('overlay'), /backing file/)
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', `data_file=${at('data')}`, at('external'), '1M'])
    await refused(at('external'), /another file/)
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', 'extended_l2=on', at('extended'), '1M'])
    await refused(at('extended'), /subclusters/)
    const secret = ['--object', 'secret,id=s,data=abc']
    await run('qemu-img', [
      'create',
      '-q',
      ...secret,
      '-f',
      'qcow2',
      '-o',
      // Not luks: qemu-img then measures its processor time, and fails now and then on a busy machine.
      'encrypt.format=aes,encrypt.key-secret=s',
      at('secret'),
      '1M',
    ])
    await refused(at('secret'), /encrypted/)
    for (const [format, message] of [
      ['vmdk', /VMDK/],
      ['vdi', /VirtualBox/],
      ['qed', /QED/],
      ['vhdx', /VHDX/],
    ] as const) {
      await run('qemu-img', ['create', '-q', '-f', format, at(format), '4M'])
      await refused(at(format), message)
    }
    await writeFile(at('empty'), '')
    await refused(at('empty'), /empty/)
    await refused(folder, /not a file/)
  })
  test('a truncated qcow2 or VHD is an error, not a disk of zeroes', async () => {
    const qcow2 = await convert('short.qcow2', '-c', '-O', 'qcow2')
    await truncate(qcow2, 200_000)
    await refused(qcow2, /ends inside|unpacked|too short/)
    const vhd = await convert('short.vhd', '-O', 'vpc')
    await truncate(vhd, 3 * MiB + 512)
    await refused(vhd, /can not be read/)
  })
  test('qcow2 headers that claim absurd sizes are refused before memory is taken', async () => {
    const path = await convert('absurd.qcow2', '-O', 'qcow2')
    const whole = await readFile(path)
    for (const [at, value, message] of [
      [36, 0x7fffffff, /L1 table is too large/],
      [20, 40, /cluster size/],
      [36, 0, /too small/],
      [4, 9, /version 9/],
    ] as const) {
      const broken = Buffer.from(whole)
      broken.writeUInt32BE(value, at)
      await writeFile(path, broken)
      await refused(path, message)
    }
  })
  test('a broken qcow2 ends in an error or in some disk, never in a crash or without end', { timeout: 120_000 }, async () => {
    const whole = await readFile(await convert('fuzzed.qcow2', '-c', '-O', 'qcow2', '-o', 'cluster_size=4k'))
    const numbers = seededNumbers(`${seed} fuzz`)
    const path = join(folder, 'broken.qcow2')
    for (let round = 0; round < 24; round++) {
      const broken = Buffer.from(whole)
      for (let change = 0; change < 8; change++) broken[numbers(round % 2 === 0 ? 112 : broken.length)] = numbers(256)
      broken.write('QFI\xfb', 0, 'latin1')
      await writeFile(path, broken)
      const image = await openImage(path).catch((error: unknown) => {
        assert.ok(error instanceof ImageError, String(error))
      })
      if (!image) continue
      let bytes = 0
      try {
        for await (const { data } of image.blocks()) {
          bytes += data.length
          if (bytes > 4 * size) break
        }
      } catch (error) {
        assert.ok(error instanceof ImageError, String(error))
      } finally {
        await image.close()
      }
    }
  })
})
