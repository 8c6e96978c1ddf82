/** A server killed in the middle of a planned failover: the next one finds it again on the pools, and it is gone on with, or undone. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, test } from 'node:test'
import { hashOf as hashOfToken, newToken } from '../../src/api/auth/credentials.ts'
import { apiOf, type RemoteApi } from '../../src/cli/remote/api.ts'
import { serverAddress } from '../../src/cli/remote/connection.ts'
import { httpClient } from '../../src/cli/remote/http-client.ts'
import { openStore } from '../../src/store/open-store.ts'
import { addToken } from '../../src/store/users/add-token.ts'
import { addUser } from '../../src/store/users/add-user.ts'
import { trustListed } from '../../src/xapi/trust.ts'
import { hashesNow } from '../support/failing-over.ts'
import type { StartedPool } from '../support/lab.ts'
import { addPool, begin, carryOut, ended, makeJob, runOnce, succeeded, waitFor } from '../support/recovering.ts'
import { hashesOf, look, type MadeVm, MIB, makeVm, withTwoPools } from '../support/replicating.ts'

const PROGRAM = join(import.meta.dirname, '../../bin/understudy.js')

interface Running {
  readonly api: RemoteApi
  kill(): Promise<void>
}

async function serve(folder: string, token: string): Promise<Running> {
  const args = [PROGRAM, 'serve', '--data', folder, '--port', '0', '--no-tls', '--json', '--log-level', 'silent']
  // The program starts node anew for its flags: both are killed as one group.
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  const exited = once(child, 'exit')
  const { value, done } = await createInterface({ input: child.stdout as NodeJS.ReadableStream })
    [Symbol.asyncIterator]()
    .next()
  assert.ok(done !== true, 'the server is ready')
  const { url } = JSON.parse(value as string) as { url: string }
  const http = httpClient({ address: serverAddress(url), token, trust: trustListed([]), signal: new AbortController().signal })
  return {
    api: apiOf(http),
    async kill() {
      http.close()
      process.kill(-(child.pid as number), 'SIGKILL')
      await exited
    },
  }
}

describe('a server killed in the middle of a planned failover', () => {
  let source: StartedPool
  let target: StartedPool
  let folder: string
  let token: string
  let server: Running
  let from: string
  let to: string

  withTwoPools((paris, oslo) => {
    source = paris
    target = oslo
  })
  before(async () => {
    for (const pool of [source, target]) await pool.post('/guest/tools', {})
    folder = mkdtempSync(join(tmpdir(), 'failover-kill-'))
    const store = await openStore({ folder })
    const admin = await addUser(store, { name: 'admin', role: 'administrator', passwordHash: '!' }, Date.now())
    token = newToken()
    await addToken(store.db, admin, { name: 'test', role: 'administrator', tokenHash: hashOfToken(token), expiresAt: null }, Date.now())
    await store.close()
    server = await serve(folder, token)
    from = await addPool(server.api, source)
    to = await addPool(server.api, target)
  })
  after(async () => {
    await server?.kill()
    rmSync(folder, { recursive: true, force: true })
  })

  const powerOf = async (pool: StartedPool, uuid: string) => [...(await look(pool)).VM.values()].find((vm) => vm.uuid === uuid)?.power_state

  /** A planned failover of a VM of its own, whose server dies when it reaches that step. */
  async function killedAt(step: string) {
    const vm: MadeVm = await makeVm(source, [16 * MIB], { name: `killed at ${step}`, tools: true })
    const place = { pool: to, sr: target.srs[0]?.uuid as string }
    const job = await makeJob(server.api, from, [vm.uuid], place, {}, `job of ${step}`)
    assert.equal((await runOnce(server.api, job.id)).state, 'success')
    await source.post('/guest/random', { vm: vm.uuid, userdevice: '0', count: 20, seed: step })
    const of = { target: place, vm: vm.uuid }
    const { id } = await begin(server.api, { kind: 'planned-failover', ...of, ready: { checks: ['tools'], timeoutSeconds: 60 } })
    await waitFor(`it is at ${step}`, async () => {
      const { timeline, state } = await server.api.activities.get(id)
      assert.ok(state === 'running' || state === 'queued', `it is ${state} before it was killed`)
      return timeline.some((line) => line.step === step) ? true : undefined
    })
    await server.kill()
    server = await serve(folder, token)
    await waitFor('both pools are connected', async () =>
      (await server.api.pools.list()).every(({ state }) => state === 'connected') ? true : undefined,
    )
    const activity = await server.api.activities.get(id)
    assert.deepEqual([activity.state, activity.canContinue], ['interrupted', true])
    return { vm, of, job, id }
  }
  const continued = async (id: string) => {
    // The dead server's lock has to be seen to be dead.
    const again = await server.api.activities.continue(id, crypto.randomUUID())
    return succeeded<'planned-failover'>(await ended(server.api, again))
  }

  for (const step of ['shutdown', 'last-run']) {
    test(`at ${step}: what the pools say is shown, and it goes on to its end without a byte lost`, async () => {
      const { vm, id } = await killedAt(step)
      const [status] = await server.api.failover.status({ vm: vm.uuid })
      assert.deepEqual([status?.unfinished?.goOn, status?.source?.handedOver], ['planned-failover', 'shutting-down'])
      const { result, cause } = await continued(id)
      assert.deepEqual(cause, { kind: 'continued', activity: id })
      assert.deepEqual(await hashesNow(target, await look(target), result.vm.uuid), await hashesOf(source, vm))
      assert.deepEqual([await powerOf(source, vm.uuid), await powerOf(target, result.vm.uuid)], ['Halted', 'Running'])
      assert.equal((await server.api.activities.get(id)).canContinue, false)
    })
  }

  test('at last-run: undone, the source runs again and its job goes on', async () => {
    const { vm, of, job } = await killedAt('last-run')
    const { result } = await carryOut(server.api, { kind: 'undo-failover', ...of })
    assert.equal(result.sourceFreed, true)
    assert.equal(await powerOf(source, vm.uuid), 'Running')
    const [status] = await server.api.failover.status({ vm: vm.uuid })
    assert.equal(status?.unfinished, null)
    assert.equal((await runOnce(server.api, job.id)).state, 'success')
  })
})
