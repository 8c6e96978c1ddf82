import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { open, readFile, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { fillPattern } from '../../src/lab/content/pattern.ts'
import { seededNumbers } from '../../src/lab/content/seeded-numbers.ts'
import type { Refstring } from '../../src/lab/pool.ts'
import { type DescribedPool, type StartedLab, type StartedPool, startLab } from '../support/lab.ts'
import { needs } from '../support/programs.ts'

const run = promisify(execFile)
const command = join(import.meta.dirname, '../../bin/understudy.js')
const MiB = 2 ** 20
const seed = process.env.SEED ?? String(Date.now())

describe(`understudy lab import (SEED=${seed})`, needs('qemu-img', 'mke2fs'), () => {
  let folder: string
  let lab: StartedLab
  let paris: StartedPool
  let raw: string
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'import-'))
    lab = await startLab({ pools: ['paris'], empty: true })
    paris = lab.pools[0] as StartedPool
    raw = join(folder, 'disk.raw')
    const numbers = seededNumbers(seed)
    await using file = await open(raw, 'w')
    await file.truncate(45 * MiB)
    for (let piece = 0; piece < 40; piece++) {
      const data = Buffer.alloc(512 * (1 + numbers(2000)))
      fillPattern(data, 0, { kind: numbers(2) === 0 ? 'random' : 'text', seed: `${seed} ${piece}` })
      await file.write(data, 0, data.length, numbers((44 * MiB) / 512) * 512)
    }
  })
  after(async () => {
    await lab.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const importFiles = async (files: readonly string[], ...more: string[]) => {
    const sr = paris.srs[1]?.uuid as string
    const args = ['lab', 'import', '--control', paris.control, '--sr', sr, '--name', 'imported', ...more, ...files]
    return await run(process.execPath, [command, ...args])
  }
  const importedVm = async (files: readonly string[], ...more: string[]) => {
    const { stdout } = await importFiles(files, '--json', ...more)
    return (JSON.parse(stdout) as { vm: DescribedPool['vms'][0] }).vm
  }
  const bytesOf = (vdi: string): Buffer => {
    const disk = paris.pool.storage.disk(paris.pool.db.byUuid('VDI', vdi) as Refstring)
    return Buffer.concat(Array.from({ length: disk.size / MiB }, (_, index) => disk.read(index * MiB, MiB)))
  }

  test('raw, VHD and qcow2 images become the disks that qemu-img reads from them, on the SR asked for, in order', async () => {
    const formats: readonly (readonly [name: string, qemu: string, ...options: string[]])[] = [
      ['raw', 'raw'],
      ['dynamic.vhd', 'vpc', '-o', 'subformat=dynamic'],
      ['fixed.vhd', 'vpc', '-o', 'subformat=fixed'],
      ['plain.qcow2', 'qcow2'],
      ['compressed.qcow2', 'qcow2', '-c'],
    ]
    const files: string[] = []
    for (const [name, format, ...options] of formats) {
      files.push(join(folder, name))
      await run('qemu-img', ['convert', '-f', 'raw', '-O', format, ...options, raw, join(folder, name)])
    }
    const vm = await importedVm(files)
    assert.equal(vm.name, 'imported')
    assert.equal(vm.power_state, 'Halted')
    assert.equal(vm.disks.length, files.length)
    for (const [index, [name, format]] of formats.entries()) {
      const expected = join(folder, 'expected')
      await run('qemu-img', ['convert', '-f', format, '-O', 'raw', join(folder, name), expected])
      const wanted = await readFile(expected)
      const { vdi, size } = vm.disks[index] as (typeof vm.disks)[0]
      assert.equal(size, Math.ceil(wanted.length / (2 * MiB)) * 2 * MiB, name)
      const bytes = bytesOf(vdi)
      assert.ok(bytes.subarray(0, wanted.length).equals(wanted), name)
      assert.ok(bytes.subarray(wanted.length).equals(Buffer.alloc(size - wanted.length)), name)
      const record = paris.pool.db.get('VDI', paris.pool.db.byUuid('VDI', vdi) as Refstring)
      assert.equal(paris.pool.db.get('SR', record.SR as Refstring).uuid, paris.srs[1]?.uuid)
    }
  })

  test('a sparse image of 20 GiB costs what it holds', async () => {
    const sparse = join(folder, 'sparse.qcow2')
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', sparse, '20G'])
    const [disk] = (await importedVm([sparse])).disks
    assert.equal(disk?.size, 20 * 2 ** 30)
    const held = paris.pool.storage.disk(paris.pool.db.byUuid('VDI', disk?.vdi as string) as Refstring).allocatedBlocks()
    assert.deepEqual(held, [])
  })

  test('--start starts it, and it prints a line for people', async () => {
    const { stdout, stderr } = await importFiles([raw], '--start', '--tools')
    assert.match(stdout, /^VM imported \([0-9a-f-]{36}\) with 1 disk\n$/)
    assert.equal(stderr, '')
    const uuid = /\((.*)\)/.exec(stdout)?.[1] as string
    const { vms } = (await paris.get('/vms')) as Pick<DescribedPool, 'vms'>
    assert.equal(vms.find((vm) => vm.uuid === uuid)?.power_state, 'Running')
  })

  test('what can not be imported is one line, and leaves no VM and no disk', async () => {
    const objects = () => ['VM', 'VDI', 'VBD'].map((name) => paris.pool.db.refs(name).length)
    const before = objects()
    const overlay = join(folder, 'overlay')
    const base = join(folder, 'base.qcow2')
    await run('qemu-img', ['convert', '-O', 'qcow2', raw, base])
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', base, overlay])
    const short = join(folder, 'short.vhd')
    await run('qemu-img', ['convert', '-O', 'vpc', raw, short])
    await truncate(short, 5 * MiB)
    const differencing = join(folder, 'differencing.vhd')
    const vhd = await readFile(short)
    // the kind of disk is at 60 of the footer; the checksum then no longer fits, which is said as well
    vhd.writeUInt32BE(4, 60)
    await writeFile(differencing, vhd)
    for (const [files, message] of [
      [[join(folder, 'nothing')], /there is no such file/],
      [[folder], /not a file/],
      [[raw, overlay], /overlay: this qcow2 image has a backing file; flatten it/],
      [[raw, short], /can not be read/],
      [[differencing], /can not be read|differencing/],
    ] as const) {
      const error = await importFiles(files).then(
        () => undefined,
        (error: { code: number; stdout: string; stderr: string }) => error,
      )
      assert.equal(error?.code, 1)
      assert.equal(error?.stdout, '')
      assert.match(error?.stderr ?? '', /^understudy lab: [^\n]+\n$/)
      assert.match(error?.stderr ?? '', message)
    }
    assert.deepEqual(objects(), before)
  })

  test('a control address that nobody serves is said', async () => {
    const args = ['lab', 'import', '--control', 'http://127.0.0.1:1', '--sr', 'x', '--name', 'y', raw]
    await assert.rejects(run(process.execPath, [command, ...args]), /no lab answers at http:\/\/127\.0\.0\.1:1/)
  })
})
