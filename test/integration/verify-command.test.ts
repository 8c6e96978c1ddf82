/** `understudy verify` on restore points: what is proven with the source's data, with a digest, and with nothing to compare with. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { readDigestMark } from '../../src/core/marks.ts'
import type { RunReport } from '../../src/core/report.ts'
import type { DiskProof, PointProof } from '../../src/replication/proof/verify-point.ts'
import type { ControlledLabPool, StartedPool } from '../support/lab.ts'
import {
  type Chain,
  chainBetween,
  look,
  type MadeVm,
  type Meddle,
  MIB,
  makeVm,
  type RunChanges,
  replicate,
  restorePoints,
  withTwoPools,
  withXapi,
} from '../support/replicating.ts'

const bin = join(import.meta.dirname, '../../bin/understudy.js')

describe('understudy verify', () => {
  let source: StartedPool
  let target: StartedPool
  withTwoPools((from, to) => {
    source = from
    target = to
  })

  const chainOf = (vm: MadeVm) => chainBetween(source, target, vm)
  const write = (vm: MadeVm, count: number, seed: string) => source.post('/guest/random', { vm: vm.uuid, userdevice: '0', count, seed })

  interface Ran {
    readonly code: number | null
    readonly stdout: string
    readonly stderr: string
  }

  function start(args: readonly string[], withSource: boolean): { readonly child: ChildProcess; readonly ended: Promise<Ran> } {
    const urlOf = ({ url, user, password }: ControlledLabPool) =>
      url.replace('https://', `https://${user}:${encodeURIComponent(password)}@`)
    const { UNDERSTUDY_FROM: _, ...rest } = process.env
    const env = {
      ...rest,
      ...(withSource ? { UNDERSTUDY_FROM: urlOf(source) } : {}),
      UNDERSTUDY_TO: urlOf(target),
      UNDERSTUDY_TRUST: `${source.fingerprint} ${target.fingerprint}`,
    }
    const child = spawn(process.execPath, [bin, 'verify', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    const output = { stdout: '', stderr: '' }
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        output[stream] += text
      })
    }
    return { child, ended: once(child, 'close').then(([code]) => ({ code: code as number | null, ...output })) }
  }

  const namesOf = ({ sr, job, vm }: Chain) => ['--sr', sr, '--job', job, '--vm', vm]

  async function prove(args: readonly string[], { withSource = true } = {}): Promise<PointProof & { readonly code: number | null }> {
    const { code, stdout, stderr } = await start([...args, '--json'], withSource).ended
    assert.equal(stderr, '')
    return { ...(JSON.parse(stdout) as PointProof), code }
  }

  /** Flips the bytes of a sector of a restore point's disk: an import into a snapshot is accepted (observed.md). */
  async function damage(chain: Chain, report: RunReport, offset: number): Promise<void> {
    const point = restorePoints(await look(target), chain).find(({ run }) => run === report.run)
    await damageDisk(point?.disks['0'] as string, offset)
  }

  async function damageDisk(uuid: string, offset: number): Promise<void> {
    await withXapi(target, async (xapi) => {
      const stream = await xapi.importVdi({ vdi: await xapi.byUuid('VDI', uuid), format: 'raw', chunked: true })
      const frame = Buffer.alloc(12)
      frame.writeUInt32LE(offset, 0)
      frame.writeUInt32LE(512, 8)
      await stream.write(frame, Buffer.alloc(512, 0xa5), Buffer.alloc(12))
      await stream.finish()
    })
  }

  // Without NBD on the way the source snapshot keeps its data.
  const noNbd: Meddle = async (method, _, go) => (method === 'VDI.get_nbd_info' ? [] : go())
  const keepingData: RunChanges = { meddle: { source: noNbd } }

  test('with the source snapshot still there, a restore point is compared whole; a damaged one is found', async () => {
    const vm = await makeVm(source, [32 * MIB, 16 * MIB])
    const chain = chainOf(vm)
    const report = await replicate(chain, keepingData)
    const proof = await prove(namesOf(chain))
    assert.equal(proof.code, 0)
    assert.equal(proof.restorePoint.uuid, report.restorePoint.uuid)
    assert.equal(proof.summary, 'The restore point is what the source was, byte for byte.')
    assert.deepEqual(
      proof.disks.map(({ userdevice, outcome, mode, against, notProven }) => ({ userdevice, outcome, mode, against, notProven })),
      ['0', '1'].map((userdevice) => ({ userdevice, outcome: 'equal', mode: 'full', against: ['source-snapshot'], notProven: undefined })),
    )
    await damage(chain, report, 5 * MIB)
    const damaged = await prove(namesOf(chain))
    assert.equal(damaged.code, 1)
    assert.equal(damaged.ok, false)
    assert.deepEqual(
      damaged.disks.map(({ outcome }) => outcome),
      ['differs', 'equal'],
    )
    assert.match(damaged.disks[0]?.notProven ?? '', /differs from the source snapshot, first in the 64 MiB from byte 0/)
    assert.match(damaged.summary, /^One disk is not what the source was: do not rely/)
  })

  test('after a run with full verification, the digest it left proves the restore point without the source; a damaged one is found', async () => {
    const vm = await makeVm(source, [32 * MIB])
    const chain = chainOf(vm)
    await replicate(chain, { verify: 'full' })
    await write(vm, 20, 'one')
    const report = await replicate(chain, { verify: 'full' })
    const seen = await look(target)
    const point = restorePoints(seen, chain).find(({ run }) => run === report.run)
    const config = [...seen.VDI.values()].find(({ uuid }) => uuid === point?.disks['0'])?.other_config ?? {}
    assert.equal(readDigestMark(config)?.sha256, report.disks[0]?.verify?.source)
    const replicaDisk = [...seen.VDI.values()].find(({ uuid }) => uuid === report.disks[0]?.target)
    assert.equal(readDigestMark(replicaDisk?.other_config ?? {}), undefined, 'the replica itself, which the next run writes to, has none')

    for (const withSource of [false, true]) {
      const proof = await prove(namesOf(chain), { withSource })
      assert.equal(proof.code, 0)
      assert.deepEqual([proof.disks[0]?.outcome, proof.disks[0]?.against], ['equal', ['digest']])
    }
    await damage(chain, report, 7 * MIB)
    const damaged = await prove(namesOf(chain), { withSource: false })
    assert.equal(damaged.code, 1)
    assert.equal(damaged.disks[0]?.outcome, 'differs')
    assert.match(damaged.disks[0]?.notProven ?? '', /digest/)
    // The restore point before it is another disk, and still right.
    const older = restorePoints(seen, chain).find(({ run }) => run !== report.run)
    const proof = await prove(['--restore-point', older?.uuid as string], { withSource: false })
    assert.deepEqual([proof.code, proof.restorePoint.uuid, proof.disks[0]?.outcome], [0, older?.uuid, 'equal'])
  })

  test('with nothing left to compare with, it says that the disk can be read, and that this is all', async () => {
    const vm = await makeVm(source, [16 * MIB])
    const chain = chainOf(vm)
    await replicate(chain, { verify: 'changed' })
    const proof = await prove(namesOf(chain))
    assert.equal(proof.code, 0)
    assert.deepEqual([proof.disks[0]?.outcome, proof.disks[0]?.against], ['readable', []])
    assert.match(proof.disks[0]?.notProven ?? '', /of the source snapshot only the record of changes is left, and its run left no digest/)
    assert.equal(proof.summary, 'The restore point can be read; there was nothing left to compare it with.')
    const text = await start(namesOf(chain), false).ended
    assert.equal(text.code, 0)
    assert.match(
      text.stdout,
      /^ {2}! disk 0 .*\n {6}proven: {5}the whole disk can be read\n {6}not proven: that its bytes are the source's: the source was not looked at/m,
    )
    assert.match(text.stdout, /note: the source was not looked at/)
  })

  test('--mode changed reads what the run changed and the beginning; --mode sample some of the disk', async () => {
    const vm = await makeVm(source, [64 * MIB])
    const chain = chainOf(vm)
    await replicate(chain, keepingData)
    const first = await prove([...namesOf(chain), '--mode', 'changed'])
    assert.equal(first.disks[0]?.mode, 'full')
    assert.match(first.disks[0]?.notProven ?? '', /no restore point before this one/)
    await source.post('/guest/random', {
      vm: vm.uuid,
      userdevice: '0',
      count: 10,
      seed: 'two',
      region: { offset: 8 * MIB, length: 8 * MIB },
    })
    const report = await replicate(chain, keepingData)
    const changed = await prove([...namesOf(chain), '--mode', 'changed'])
    assert.deepEqual([changed.code, changed.disks[0]?.outcome, changed.disks[0]?.mode], [0, 'equal', 'changed'])
    const { bytesRead = 0, notProven } = changed.disks[0] ?? {}
    assert.ok(bytesRead >= 12 * 65536 && bytesRead <= 10 * MIB, `${bytesRead} bytes read`)
    assert.equal(notProven, 'what was not read')
    const sample = await prove([...namesOf(chain), '--mode', 'sample'])
    assert.deepEqual([sample.code, sample.disks[0]?.outcome, sample.disks[0]?.against], [0, 'equal', ['source-snapshot']])
    assert.ok((sample.disks[0]?.bytesRead ?? 0) < 16 * MIB)
    assert.equal(sample.summary, 'What was read of the restore point is what the source was.')
    await damage(chain, report, 0)
    const damaged = await prove([...namesOf(chain), '--mode', 'sample'])
    assert.deepEqual([damaged.code, damaged.disks[0]?.outcome], [1, 'differs'])
  })

  test('a disk with a file system is recognised; zeroes where the VM boots from are noted', async () => {
    const disks = [
      { size: 16 * MIB, content: 'empty' },
      { size: 32 * MIB, content: 'ext4', fill: 4 * MIB },
    ]
    const { vm } = (await source.post('/vms', { name: 'looks', disks, start: true })) as { vm: MadeVm }
    const chain = chainOf(vm)
    await replicate(chain)
    const proof = await prove(namesOf(chain))
    assert.deepEqual(
      proof.disks.map(({ looks }) => looks?.text),
      ['it begins with zeroes only', 'ext2/3/4 over the whole disk, no partitions'],
    )
    assert.ok(proof.notes.some((note) => note.includes('disk 0, from which the VM boots, does not look bootable')))
  })

  for (const verify of ['off', 'sample', 'changed', 'full'] as const) {
    test(`the memory of a restore point is read and compared with what its run (--verify ${verify}) sent; damaged or gone memory is found`, async () => {
      const vm = await makeVm(source, [8 * MIB], { tools: true, memory: 64 * MIB })
      const chain = chainOf(vm)
      const report = await replicate(chain, { memory: true, verify })
      const proof = await prove(namesOf(chain), { withSource: false })
      assert.equal(proof.code, 0)
      const memory = proof.memory as DiskProof
      assert.deepEqual([memory.uuid, memory.outcome, memory.mode, memory.against], [report.memory?.target, 'equal', 'full', ['digest']])
      const what = verify === 'full' ? 'proved equal to the source' : 'read of the source and sent'
      assert.equal(memory.proven, `all of it is equal to what its run ${what}`)
      assert.ok(memory.bytesRead >= 768 * 1024, 'what the guest left was read')
      assert.match(
        (await start(namesOf(chain), false).ended).stdout,
        /^ {2}✓ memory, .*\n {6}proven: {5}all of it is equal to what its run/m,
      )
      const sample = await prove([...namesOf(chain), '--mode', 'sample'], { withSource: false })
      assert.deepEqual([sample.code, (sample.memory as DiskProof).outcome], [0, 'readable'])

      await damageDisk(report.memory?.target as string, 5 * MIB)
      const damaged = await prove(namesOf(chain), { withSource: false })
      assert.deepEqual([damaged.code, damaged.ok, (damaged.memory as DiskProof).outcome], [1, false, 'differs'])
      assert.match(damaged.summary, /^The memory is not what the source’s was: let no clone go on with it\./)
      assert.notEqual(damaged.disks[0]?.outcome, 'differs')

      await withXapi(target, async (xapi) => xapi.call('VDI.destroy', [await xapi.byUuid('VDI', report.memory?.target as string)]))
      const gone = await prove(namesOf(chain), { withSource: false })
      assert.deepEqual([gone.code, gone.ok, gone.memory], [1, false, 'gone'])
      assert.match(gone.summary, /^The memory of the restore point is gone/)
    })
  }

  test('a restore point that was made without memory tells of none', async () => {
    const vm = await makeVm(source, [8 * MIB])
    const chain = chainOf(vm)
    await replicate(chain)
    assert.equal('memory' in (await prove(namesOf(chain))), false)
  })

  test('what can’t be verified is one clear line: no such point, no point at all, no chain, arguments that don’t go together', async () => {
    const vm = await makeVm(source, [8 * MIB])
    const nobody = randomUUID()
    const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
      [['--restore-point', nobody], 1, new RegExp(`the target pool has no snapshot ${nobody}`)],
      [['--sr', target.srs[0]?.uuid as string, '--vm', vm.uuid], 1, /there is no restore point of VM/],
      [['--sr', nobody, '--vm', vm.uuid, '--job', nobody], 1, /the target pool has no storage repository/],
      [['--restore-point', nobody, '--vm', nobody], 2, /--vm and --job do not go with it/],
      [['--vm', nobody], 2, /--sr is missing/],
      [['--restore-point', nobody, '--mode', 'half'], 2, /--mode is one of sample, changed, full, not half/],
    ]
    for (const [args, expected, message] of cases) {
      const { code, stdout, stderr } = await start(args, false).ended
      assert.equal(code, expected, stderr)
      assert.equal(stdout, '')
      assert.match(stderr, message)
      assert.equal(stderr.trimEnd().split('\n').length, 1)
    }
  })

  test('the job need not be named while only one keeps restore points of the VM there', async () => {
    const vm = await makeVm(source, [8 * MIB])
    const chain = chainOf(vm)
    await replicate(chain, { verify: 'full' })
    const alone = await prove(['--sr', chain.sr, '--vm', vm.uuid])
    assert.equal(alone.job, chain.job)
    const other = chainOf(vm)
    await replicate(other)
    const { code, stderr } = await start(['--sr', chain.sr, '--vm', vm.uuid], false).ended
    assert.equal(code, 1)
    assert.match(stderr, /several jobs .*name one with --job: /)
    assert.ok(stderr.includes(chain.job) && stderr.includes(other.job))
  })

  test('stopped by SIGINT while it reads, it ends with 130 and leaves neither tasks nor sessions', async () => {
    const vm = await makeVm(source, [512 * MIB])
    const chain = chainOf(vm)
    await replicate(chain, { verify: 'off' })
    const { promise: attached, resolve } = Promise.withResolvers<void>()
    const stop = target.pool.db.onChange((className, _, operation) => {
      if (className === 'VBD' && operation === 'add') resolve()
    })
    const { child, ended } = start(namesOf(chain), false)
    await Promise.race([attached, ended.then(({ stderr }) => assert.fail(`ended early: ${stderr}`))])
    stop()
    child.kill('SIGINT')
    const { code, stdout } = await ended
    assert.equal(code, 130)
    assert.equal(stdout, '')
    assert.deepEqual([target.pool.db.refs('task'), target.pool.db.refs('session')], [[], []])
  })
})
