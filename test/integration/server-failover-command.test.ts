/** Failing over, recovery plans and seeds by commands to a server, each in a process of its own. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Activity, ActivityDetail } from '../../src/core/control/activity.ts'
import type { FailoverPreview, FailoverStatus } from '../../src/core/control/failover-request.ts'
import type { PlanPreview, RecoveryPlanRecord } from '../../src/core/control/recovery-plan-record.ts'
import { understudy } from '../support/command-line.ts'
import type { StartedPool } from '../support/lab.ts'
import { makeJob, runOnce, waitFor, withRecoveringServer } from '../support/recovering.ts'
import { type MadeVm, MIB, makeVm } from '../support/replicating.ts'
import type { ListeningServer } from '../support/running-server.ts'

describe('failing over by commands to a server', () => {
  let source: StartedPool
  let target: StartedPool
  let server: ListeningServer
  let vm: MadeVm
  let folder: string
  let env: Record<string, string>

  let from: string
  let to: string
  withRecoveringServer((all) => {
    ;({ source, target, server, from, to } = all)
  })
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'failover-commands-'))
    vm = await makeVm(source, [16 * MIB], { name: 'web', tools: true })
    const job = await makeJob(server.api, from, [vm.uuid], { pool: to, sr: target.srs[0]?.uuid as string })
    assert.equal((await runOnce(server.api, job.id)).state, 'success')
    env = {
      UNDERSTUDY_CONFIG: join(folder, 'servers.json'),
      UNDERSTUDY_SERVER: server.url,
      UNDERSTUDY_TOKEN: server.token,
      UNDERSTUDY_TRUST: server.fingerprint,
    }
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  async function run(code: number, args: readonly string[]) {
    const result = await understudy(args, { env })
    assert.equal(result.status, code, `understudy ${args.join(' ')}\n${result.stdout}${result.stderr}`)
    return result
  }
  const json = async <T>(args: readonly string[], code = 0) => JSON.parse((await run(code, [...args, '--json'])).stdout) as T

  test('a test is shown beforehand, watched, and tells its recovery time; one that does not come up ends with 3', async () => {
    const preview = await json<FailoverPreview>(['replica', 'test', 'web', '--dry-run'])
    assert.deepEqual([preview.kind, preview.confirm], ['test-failover', null])
    const told = await run(0, ['replica', 'test', 'web', '--watch'])
    assert.match(told.stdout, /it came up after/)
    assert.match(told.stdout, /✓ tools/)
    assert.match(told.stderr, /What happens:/)
    const failed = await json<ActivityDetail>(['replica', 'test', 'web', '--ready', 'tcp:127.0.0.1:1', '--ready-timeout', '1', '--wait'], 3)
    assert.equal(failed.result?.kind === 'test-failover' && failed.result.outcome, 'not-ready')
  })

  test('kept tests are in the status, and cleaned up', async () => {
    await run(0, ['replica', 'test', 'web', '--keep', '--wait'])
    assert.match((await run(0, ['replica', 'status'])).stdout, /web.*test failover/)
    assert.match((await run(0, ['replica', 'clean-up', 'oslo', '--wait'])).stdout, /removed web/)
    assert.match((await run(0, ['replica', 'status'])).stdout, /Nothing has failed over/)
  })

  test('a failover takes the name, typed or by --yes; status, reprotect and failback by the name of the VM', async () => {
    const refused = await run(1, ['replica', 'planned', 'web', '--wait'])
    assert.match(refused.stderr, /nobody agreed.*--yes/)
    assert.match((await run(0, ['replica', 'fence', 'paris', '--wait'])).stdout, /no VM of this pool has failed over/)
    const planned = await json<ActivityDetail>(['replica', 'planned', 'web', '--yes', '--wait'])
    assert.equal(planned.result?.kind, 'planned-failover')
    const [status] = await json<FailoverStatus[]>(['replica', 'status'])
    assert.deepEqual([status?.vm.uuid, status?.failedOver[0]?.state], [vm.uuid, 'active'])
    const fenced = await json<ActivityDetail>(['replica', 'fence', 'paris', '--wait'])
    assert.deepEqual(fenced.result, { kind: 'fence', blocked: [], wereBlocked: ['web'], running: [] })
    await run(0, ['replica', 'reprotect', 'web', '--yes', '--wait'])
    const back = await json<ActivityDetail>(['replica', 'failback', 'web', '--yes', '--wait'])
    assert.equal(back.result?.kind === 'failback' && back.result.protectedAgain, true)
    await waitFor('the server sees that it is home', async () =>
      (await server.api.replicas.protection({})).some((each) => each.vm.uuid === vm.uuid && each.job !== null) ? true : undefined,
    )
  })

  test('a plan is made from a file that names VMs, tested, and its report kept', async () => {
    const file = join(folder, 'plan.json')
    writeFileSync(file, JSON.stringify({ name: 'site', groups: [{ name: 'first', vms: ['web'] }] }))
    const plan = await json<RecoveryPlanRecord>(['plan', 'create', file])
    assert.equal(plan.groups[0]?.vms[0]?.vm, vm.uuid)
    assert.match((await run(0, ['plan', 'list'])).stdout, /site/)
    assert.match((await run(0, ['plan', 'check', 'site'])).stdout, /can be run/)
    const preview = await json<PlanPreview>(['plan', 'start', 'site', '--now', '--dry-run'], 1)
    assert.deepEqual(
      preview.problems.map(({ code }) => code),
      ['SOURCE_RUNS'],
    )
    await run(0, ['plan', 'start', 'site', '--test', '--wait'])
    const report = join(folder, 'report.md')
    await run(0, ['plan', 'report', 'site', '--output', report])
    assert.match(readFileSync(report, 'utf8'), /Test of recovery plan "site"/)
    writeFileSync(file, JSON.stringify({ ...plan, onFailure: 'continue' }))
    assert.equal((await json<RecoveryPlanRecord>(['plan', 'set', 'site', file])).onFailure, 'continue')
    await run(0, ['plan', 'delete', 'site'])
  })

  test('a seed goes to the server by name, and is listed and deleted', async () => {
    await run(0, ['seed', 'server-export', 'web', 'erp', '--wait'])
    assert.match((await run(0, ['seed', 'list'])).stdout, /erp +complete +web/)
    await run(0, ['seed', 'delete', 'erp'])
    assert.match((await run(2, ['seed', 'export'])).stderr, /--dir is missing/)
  })

  test('activities are listed, shown, reported', async () => {
    const all = await json<Activity[]>(['activity', 'list', '--kind', 'test-failover'])
    assert.equal(all.length, 3)
    assert.match((await run(0, ['activity', 'show', 'last'])).stdout, /seed-export of web|seed-export of/)
    assert.match((await run(0, ['activity', 'report', all[0]?.id as string])).stdout, /^# Test failover of "web"/)
    assert.match((await run(2, ['activity', 'list', '--kind', 'no'])).stderr, /--kind is one of/)
  })
})
