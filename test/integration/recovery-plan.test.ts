/** A disaster, by the commands: several VMs replicated, the source pool gone, a plan rehearsed and run, the source back, home by deltas. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { RecoveryReport } from '../../src/core/recovery-plan.ts'
import { hashesNow, turnRound, vmOf } from '../support/failing-over.ts'
import { type ControlledLabPool, type StartedLab, type StartedPool, startLab } from '../support/lab.ts'
import { assertProtected, type Chain, hashesOf, look, type MadeVm, MIB, makeVm, replicaOf, replicate } from '../support/replicating.ts'

const bin = join(import.meta.dirname, '../../bin/understudy.js')

describe('recovery plans', () => {
  let lab: StartedLab
  let source: StartedPool
  let target: StartedPool
  const folder = mkdtempSync(join(tmpdir(), 'plan-'))
  before(async () => {
    lab = await startLab({ pools: ['paris', 'oslo'], empty: true })
    ;[source, target] = lab.pools as [StartedPool, StartedPool]
    await target.post('/guest/tools', {})
  })
  after(async () => {
    await lab.close()
    rmSync(folder, { recursive: true })
  })

  async function run(args: readonly string[]) {
    const urlOf = ({ url, user, password }: ControlledLabPool) =>
      url.replace('https://', `https://${user}:${encodeURIComponent(password)}@`)
    const env = {
      ...process.env,
      UNDERSTUDY_TO: urlOf(target),
      UNDERSTUDY_FROM: urlOf(source),
      UNDERSTUDY_TRUST: `${source.fingerprint} ${target.fingerprint}`,
    }
    const child = spawn(process.execPath, [bin, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    const output = { stdout: '', stderr: '' }
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        output[stream] += text
      })
    }
    const [code] = (await once(child, 'close')) as [number]
    return { code, ...output }
  }

  test('a test of the plan, a disaster, the plan run, everything up with the right bytes, and protection in the direction back by delta', async () => {
    const vms: { readonly vm: MadeVm; readonly chain: Chain; readonly state: Record<string, string> }[] = []
    for (let nth = 0; nth < 4; nth++) {
      const vm = await makeVm(source, [16 * MIB], { name: `vm${nth}` })
      const chain: Chain = { source, target, vm: vm.uuid, sr: target.srs[0]?.uuid as string, job: randomUUID() }
      await replicate(chain)
      vms.push({ vm, chain, state: await hashesOf(source, vm) })
    }
    const planOf = (more: object = {}) => ({
      name: 'site',
      groups: [
        { name: 'first', vms: vms.slice(0, 2).map(({ chain: { vm, sr } }) => ({ vm, sr })) },
        { name: 'second', before: '/bin/true', vms: vms.slice(2).map(({ chain: { vm, sr, job } }) => ({ vm, sr, job })) },
      ],
      ...more,
    })
    const file = join(folder, 'site.json')
    writeFileSync(file, JSON.stringify(planOf()))
    const before = new Set((await look(target)).VM.keys())

    const rehearsed = await run(['plan', 'run', file, '--test', '--json', '--report', join(folder, 'report.md')])
    assert.equal(rehearsed.code, 0, rehearsed.stderr)
    const report = JSON.parse(rehearsed.stdout) as RecoveryReport
    assert.deepEqual(
      report.vms.map(({ outcome }) => outcome),
      ['up', 'up', 'up', 'up'],
    )
    assert.equal(report.removed, true)
    assert.deepEqual(new Set((await look(target)).VM.keys()), before)
    assert.match(readFileSync(join(folder, 'report.md'), 'utf8'), /Result: \*\*passed\*\*, 4 of 4/)
    const order = report.timeline.map(({ group, what }) => `${group} ${what}`)
    assert.ok(order.lastIndexOf('first up') < order.indexOf('second start'), order.join())

    // A group that fails stops the rest, and says so.
    writeFileSync(file, JSON.stringify(planOf({ ready: ['script:/bin/false'], readyTimeout: 0.2 })))
    const failing = await run(['plan', 'run', file, '--test', '--json'])
    assert.equal(failing.code, 1)
    assert.deepEqual(
      (JSON.parse(failing.stdout) as RecoveryReport).vms.map(({ outcome }) => outcome),
      ['failed', 'failed', 'skipped', 'skipped'],
    )
    assert.deepEqual(new Set((await look(target)).VM.keys()), before)

    // Writes go on, and then the source pool is gone.
    writeFileSync(file, JSON.stringify(planOf()))
    for (const { vm } of vms) await source.post('/guest/random', { vm: vm.uuid, count: 4, seed: 'lost' })
    await source.stop()
    const unasked = await run(['plan', 'run', file, '--now'])
    assert.equal(unasked.code, 1)
    assert.match(unasked.stderr, /--yes/)
    const ran = await run(['plan', 'run', file, '--now', '--yes'])
    assert.equal(ran.code, 0, ran.stderr)
    assert.match(ran.stdout, /4 of 4 VMs up/)
    const seen = await look(target)
    for (const { chain, state } of vms) {
      const uuid = replicaOf(seen, chain)?.uuid as string
      assert.equal(vmOf(seen, uuid)[1].power_state, 'Running')
      assert.deepEqual(await hashesNow(target, seen, uuid), state)
    }
    const listed = JSON.parse((await run(['failover', 'status', '--json'])).stdout) as { failedOver: unknown[] }
    assert.equal(listed.failedOver.length, 4)

    // The source is back: protection in the other direction, by what either side wrote.
    await source.start()
    for (const { chain } of vms) {
      const away = replicaOf(seen, chain)?.uuid as string
      await target.post('/guest/random', { vm: away, count: 3, seed: 'away' })
      const turned = await turnRound(chain)
      assert.ok(turned.run.disks.every(({ mode }) => mode === 'delta'))
      assert.ok(turned.run.totals.bytesSent <= 1.05 * turned.run.totals.changedBytes)
      const left = await look(source)
      const back: Chain = { source: target, target: source, vm: away, sr: turned.plan.chain.sr, job: chain.job }
      assertProtected(left, back)
      assert.deepEqual(
        await hashesNow(source, left, replicaOf(left, back)?.uuid as string),
        await hashesNow(target, await look(target), away),
      )
    }
  })
})
