/** `understudy replicate` with several targets: arguments, what is printed, and how it ends. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { RunReport } from '../../src/core/report.ts'
import { type ControlledLabPool, type StartedLab, type StartedPool, startLab } from '../support/lab.ts'
import { hashesOf, hashOf, look, MIB, makeVm, restorePoints } from '../support/replicating.ts'

const bin = join(import.meta.dirname, '../../bin/understudy.js')

describe('understudy replicate to several targets', () => {
  let lab: StartedLab
  let source: StartedPool
  let oslo: StartedPool
  let rome: StartedPool
  before(async () => {
    lab = await startLab({ pools: ['paris', 'oslo', 'rome'], empty: true })
    ;[source, oslo, rome] = lab.pools as [StartedPool, StartedPool, StartedPool]
  })
  after(() => lab.close())

  const urlOf = ({ url, user, password }: ControlledLabPool) => url.replace('https://', `https://${user}:${encodeURIComponent(password)}@`)
  const srOf = (pool: StartedPool) => pool.srs[0]?.uuid as string

  async function replicate(args: readonly string[]) {
    const trust = [source, oslo, rome].map(({ fingerprint }) => fingerprint).join(' ')
    const { UNDERSTUDY_TO: _, ...rest } = process.env
    const env = { ...rest, UNDERSTUDY_FROM: urlOf(source), UNDERSTUDY_TRUST: trust }
    const child = spawn(process.execPath, [bin, 'replicate', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    const output = { stdout: '', stderr: '' }
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        output[stream] += text
      })
    }
    const [code] = (await once(child, 'close')) as [number | null]
    return { code, ...output }
  }

  test('in pairs: a report each, in their order, under "targets"; the replicas hold what the source held', async () => {
    const vm = await makeVm(source, [16 * MIB])
    const expected = await hashesOf(source, vm)
    const ran = await replicate([
      '--vm',
      vm.uuid,
      '--to',
      urlOf(oslo),
      '--sr',
      srOf(oslo),
      '--to',
      urlOf(rome),
      '--sr',
      srOf(rome),
      '--json',
    ])
    assert.deepEqual([ran.code, ran.stderr], [0, ''])
    const { targets } = JSON.parse(ran.stdout) as { targets: RunReport[] }
    assert.deepEqual(
      targets.map(({ to, sr, status }) => [to, sr.uuid, status]),
      [
        [oslo.url, srOf(oslo), 'success'],
        [rome.url, srOf(rome), 'success'],
      ],
    )
    for (const [nth, pool] of [oslo, rome].entries()) {
      const { job, together } = targets[nth] as RunReport
      assert.equal(together?.bytesRead, targets[0]?.totals.bytesRead)
      const [point] = restorePoints(await look(pool), { source, target: pool, vm: vm.uuid, sr: srOf(pool), job })
      assert.equal(await hashOf(pool, point?.disks['0'] as string), expected['0'])
    }
    // A target alone continues the chain that it began with others.
    const alone = await replicate(['--vm', vm.uuid, '--to', urlOf(oslo), '--sr', srOf(oslo), '--json'])
    assert.equal((JSON.parse(alone.stdout) as RunReport).disks[0]?.mode, 'delta')
  })

  test('one that fails is named, with exit code 1; the others are told as ever', async () => {
    const vm = await makeVm(source, [8 * MIB])
    const wrong = randomUUID()
    const args = ['--vm', vm.uuid, '--to', urlOf(oslo), '--sr', wrong, '--to', urlOf(rome), '--sr', srOf(rome)]
    const text = await replicate(args)
    assert.equal(text.code, 1)
    assert.match(text.stdout, /^Replicated "source" to ".*" in /)
    assert.match(text.stderr, new RegExp(`^understudy replicate: 1 of 2 targets failed: target ${wrong} of ${oslo.url}: [^\\n]+\\n$`))
    const json = await replicate([...args, '--json'])
    const { targets } = JSON.parse(json.stdout) as { targets: (RunReport & { error?: { code: string } })[] }
    assert.deepEqual(
      [json.code, targets[0]?.error?.code, targets[1]?.status, targets[1]?.disks[0]?.mode],
      [1, 'SR_NOT_FOUND', 'success', 'delta'],
    )
  })

  test('one pool for several storage repositories; a dry run shows a plan for each', async () => {
    const vm = await makeVm(source, [8 * MIB])
    const srs = oslo.srs.slice(0, 2).map(({ uuid }) => uuid)
    const ran = await replicate(['--vm', vm.uuid, '--to', urlOf(oslo), ...srs.flatMap((sr) => ['--sr', sr]), '--dry-run'])
    assert.deepEqual([ran.code, ran.stderr], [0, ''])
    assert.equal(ran.stdout.match(/^Plan for "source"/gm)?.length, srs.length)
  })
})
