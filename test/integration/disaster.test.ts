/**
 * The scripted disaster: ten VMs replicated, writes going on, the source pool killed, a recovery plan run, the source back and kept from
 * starting what took over, home by deltas, protection as before.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { goBack, hashesNow, vmOf } from '../support/failing-over.ts'
import { runCommand } from '../support/failover-kills.ts'
import { type ControlledLabPool, type SpawnedLab, spawnLab } from '../support/lab.ts'
import {
  assertNoLeftovers,
  assertProtected,
  type Chain,
  chainBetween,
  hashesOf,
  hashesOfPoint,
  look,
  type MadeVm,
  MIB,
  makeVm,
  replicaOf,
  replicate,
  restorePoints,
  withXapi,
} from '../support/replicating.ts'

const VMS = 10
const GRANULE = 65536

let lost: SpawnedLab
let safe: SpawnedLab
const folder = mkdtempSync(join(tmpdir(), 'disaster-'))
before(async () => {
  ;[lost, safe] = await Promise.all([spawnLab(['--empty', '--pools', 'paris']), spawnLab(['--empty', '--pools', 'oslo'])])
})
after(async () => {
  await Promise.all([lost.close(), safe.close()])
  rmSync(folder, { recursive: true })
})

interface Protected {
  readonly vm: MadeVm
  readonly job: string
  /** What its newest restore point holds. */
  readonly point: Record<string, string>
}

test(`${VMS} VMs, the source pool killed while guests write: up with the right bytes by plan, home by deltas, protected as before`, {
  timeout: 600_000,
}, async (t) => {
  const began = performance.now()
  const took = (what: string) => t.diagnostic(`${what} after ${((performance.now() - began) / 1000).toFixed(1)} s`)
  const paris = () => lost.pools[0] as ControlledLabPool
  const oslo = () => safe.pools[0] as ControlledLabPool
  const chainOf = ({ vm, job }: Protected): Chain => chainBetween(paris(), oslo(), vm, { job })
  for (const pool of [paris(), oslo()]) await pool.post('/guest/tools', {})

  // Protected: a first copy, then deltas while guests write.
  const all: Protected[] = []
  for (let nth = 0; nth < VMS; nth++) {
    const vm = await makeVm(paris(), [16 * MIB], { name: `vm${nth}`, tools: true })
    const chain = chainBetween(paris(), oslo(), vm)
    await replicate(chain)
    // The last of them is idle: nothing of it is lost.
    if (nth < VMS - 1)
      await paris().post('/guest/rate', { vm: vm.uuid, bytesPerSecond: 4 * GRANULE, region: { offset: 0, length: 4 * MIB } })
    const { restorePoint } = await replicate(chain)
    const point = restorePoints(await look(oslo()), chain).find(({ uuid }) => uuid === restorePoint.uuid)
    assert.ok(point)
    all.push({ vm, job: chain.job, point: await hashesOfPoint(chain, point) })
  }
  took('replicated')
  const file = join(folder, 'site.json')
  const planned = all.map(({ vm, job }) => ({ vm: vm.uuid, sr: oslo().srs[0]?.uuid, job }))
  writeFileSync(
    file,
    JSON.stringify({
      name: 'site',
      groups: [
        { name: 'first', vms: planned.slice(0, 3) },
        { name: 'rest', vms: planned.slice(3) },
      ],
    }),
  )
  const pools = () => ({ source: paris(), target: oslo() })

  // The disaster.
  const gone = pools()
  for (const { vm } of all.slice(0, -1))
    await paris().post('/guest/random', { vm: vm.uuid, count: 4, seed: 'lost', region: { offset: 4 * MIB, length: 4 * MIB } })
  await lost.kill('SIGKILL')
  const ran = await runCommand(['plan', 'run', file, '--now', '--yes'], gone).ended
  assert.equal(ran.code, 0, ran.stderr + ran.stdout)
  assert.match(ran.stdout, new RegExp(`${VMS} of ${VMS} VMs up`))
  took('up by plan')
  const seen = await look(oslo())
  const away = new Map<Protected, string>()
  for (const each of all) {
    const { uuid, power_state: state } = replicaOf(seen, chainOf(each)) ?? assert.fail('a VM that took over')
    assert.equal(state, 'Running')
    assert.deepEqual(await hashesNow(oslo(), seen, uuid), each.point)
    away.set(each, uuid)
    await oslo().post('/guest/random', { vm: uuid, count: 6, seed: 'away', region: { offset: 8 * MIB, length: 8 * MIB } })
  }

  // The pool is back, its VMs with it: they are found, put down, and can't be started.
  await lost.restart()
  const found = await runCommand(['failover', 'fence', '--json'], pools()).ended
  assert.equal(found.code, 1)
  const states = (text: string) => (JSON.parse(text) as { originals: { state: string }[] }).originals.map(({ state }) => state)
  assert.deepEqual(states(found.stdout), Array(VMS).fill('runs'))
  await withXapi(paris(), async (xapi) => {
    for (const { vm } of all) await xapi.call('VM.hard_shutdown', [await xapi.byUuid('VM', vm.uuid)])
  })
  const fenced = await runCommand(['failover', 'fence', '--json'], pools()).ended
  assert.equal(fenced.code, 0, fenced.stderr)
  assert.deepEqual(states(fenced.stdout), Array(VMS).fill('blocked'))
  await withXapi(paris(), async (xapi) => {
    const ref = await xapi.byUuid('VM', all[0]?.vm.uuid as string)
    await assert.rejects(xapi.call('VM.start', [ref, false, false]), { code: 'OPERATION_BLOCKED' })
  })
  took('the lost pool is back')

  // Home: only what either side wrote travels, nothing of the originals is overwritten.
  const kept = new Map(await Promise.all(all.map(async (each) => [each, await hashesOf(paris(), each.vm)] as const)))
  const home = new Map<Protected, MadeVm>()
  const back = async (each: Protected) => {
    const runs = away.get(each) as string
    const expected = await hashesNow(oslo(), await look(oslo()), runs)
    const report = await goBack(chainOf(each))
    const idle = each === all.at(-1)
    assert.equal(report.turned?.plan.kind, idle ? 'in-place' : 'beside', report.turned?.plan.reason.text)
    const { totals, disks } = report.turned?.run ?? assert.fail('a run')
    assert.ok(disks.every(({ mode }) => mode === 'delta'))
    assert.ok(totals.bytesSent <= 1.05 * totals.changedBytes, `${totals.bytesSent} sent for ${totals.changedBytes}`)
    if (idle) assert.equal(totals.changedBytes, 6 * GRANULE)
    assert.equal(report.unprotected, undefined)
    const left = await look(paris())
    assert.equal(vmOf(left, report.vm.uuid)[1].power_state, 'Running')
    assert.deepEqual(await hashesNow(paris(), left, report.vm.uuid), expected)
    if (!idle) assert.deepEqual(await hashesOf(paris(), each.vm), kept.get(each), 'what only the original has stays with it')
    const disk = left.VBD.get(vmOf(left, report.vm.uuid)[1].VBDs.find((ref) => left.VBD.get(ref)?.type === 'Disk') as never)
    home.set(each, {
      uuid: report.vm.uuid,
      disks: [{ userdevice: '0', vdi: left.VDI.get(disk?.VDI as never)?.uuid as string, size: 16 * MIB }],
    })
  }
  const left = [...all]
  const worker = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) await back(next)
  }
  await Promise.all([worker(), worker(), worker()])
  took('home')

  // Protected as before: the next run is a delta of what is written from here on.
  for (const [{ job }, vm] of home) {
    const chain = chainBetween(paris(), oslo(), vm, { job })
    const { bytes } = (await paris().post('/guest/random', { vm: vm.uuid, count: 3, seed: 'home' })) as { bytes: number }
    const next = await replicate(chain)
    assert.ok(next.disks.every(({ mode }) => mode === 'delta'))
    assert.equal(next.totals.changedBytes, bytes)
    const [here, there] = [await look(paris()), await look(oslo())]
    assert.deepEqual(await hashesNow(oslo(), there, next.restorePoint.uuid), await hashesOf(paris(), vm))
    assertProtected(there, chain)
    assertNoLeftovers(here, there, chain, vm)
  }
  for (const pool of ['source', 'target'] as const) {
    const status = await runCommand(['failover', 'status', '--to', urlOf(pools()[pool]), '--json'], pools()).ended
    const { failedOver, startedByHand, tests, leftOvers } = JSON.parse(status.stdout)
    assert.deepEqual({ failedOver, startedByHand, tests, leftOvers }, { failedOver: [], startedByHand: [], tests: [], leftOvers: [] })
  }
  took('protected again')
})

const urlOf = ({ url, user, password }: ControlledLabPool) => url.replace('://', `://${user}:${encodeURIComponent(password)}@`)
