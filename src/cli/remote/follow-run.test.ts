import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Run, RunState, VmRun } from '../../core/control/run-record.ts'
import { Failure } from '../../core/failure.ts'
import type { ServerEvent } from '../../jobs/control-plane.ts'
import type { RemoteApi } from './api.ts'
import type { Context } from './context.ts'
import { followRun, type RunWithVms } from './follow-run.ts'
import { EXIT_CODES } from './run-outcome.ts'
import { changeLine } from './run-progress.ts'
import { changes } from './watching.ts'

const totals = { vms: 1, succeeded: 0, failed: 0, changedBytes: 0, bytesRead: 0, bytesSent: 0, fulls: 0 }

function run(state: RunState): RunWithVms {
  const times = { queuedAt: '2026-11-23T14:00:00.000Z', startedAt: null, endedAt: null }
  const names = { id: 'run-1', job: 'job-1', jobName: 'nightly', schedule: null, scheduleName: null }
  return { ...names, ...times, trigger: { kind: 'hand', by: 'me' }, state, dryRun: false, reason: null, totals, vmRuns: [] }
}

/** A server whose event streams are played one after the other: events, then the end, or a connection that breaks. */
function server(streams: readonly (readonly (ServerEvent | 'broken')[])[], states: readonly RunState[]) {
  let stream = 0
  let look = 0
  const looks: RunState[] = []
  const api = {
    url: 'http://server',
    runs: {
      get: async () => {
        const state = states[Math.min(look++, states.length - 1)] as RunState
        looks.push(state)
        return run(state)
      },
    },
    async *events(signal: AbortSignal, onOpen: () => void) {
      const played = streams[stream++]
      if (played === undefined) {
        onOpen()
        // Nothing happens any more, as long as anybody listens.
        await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }))
        return
      }
      if (played[0] !== 'broken') onOpen()
      for (const event of played) {
        if (event === 'broken') throw new Failure('SERVER_UNREACHABLE', 'the connection broke')
        yield event
      }
    },
  }
  return { api: api as unknown as RemoteApi, looks }
}

const context = (signal: AbortSignal) => ({ signal, json: true, wide: false }) as unknown as Context
const ended: ServerEvent = { kind: 'run', run: run('success') as Run }

test('a run that ended before anybody listened is not waited for', async () => {
  const { api } = server([], ['success'])
  const { state } = await followRun(context(new AbortController().signal), api, 'run-1', { quiet: true, minutes: undefined })
  assert.equal(state, 'success')
})

test('the end is noticed by its event', async () => {
  const { api } = server([[ended]], ['running', 'partial'])
  const { state } = await followRun(context(new AbortController().signal), api, 'run-1', { quiet: true, minutes: undefined })
  assert.equal(state, 'partial')
})

test('an end that happened while the connection was broken is noticed when it is back', async () => {
  const { api, looks } = server([[], ['broken']], ['running', 'failed'])
  const { state } = await followRun(context(new AbortController().signal), api, 'run-1', { quiet: true, minutes: undefined })
  assert.equal(state, 'failed')
  assert.deepEqual(looks, ['running', 'failed'])
})

test('what the server refuses ends the waiting', async () => {
  const api = {
    url: 'http://server',
    // biome-ignore lint/correctness/useYield: it is refused before there is anything
    async *events() {
      throw Object.assign(new Error('not logged in'), { code: 'UNAUTHENTICATED' })
    },
    runs: { get: async () => run('running') },
  } as unknown as RemoteApi
  await assert.rejects(followRun(context(new AbortController().signal), api, 'run-1', { quiet: true, minutes: undefined }), /not logged in/)
})

test('stopping ends the waiting at once, and leaves nothing behind', async () => {
  const stop = new AbortController()
  const { api } = server([], ['running'])
  const following = followRun(context(stop.signal), api, 'run-1', { quiet: true, minutes: undefined })
  for await (const _ of changes(api, () => true, stop.signal)) break
  stop.abort(new Error('stopped by SIGINT'))
  await assert.rejects(following)
})

test('every state of a run has an exit code, and only success is 0', () => {
  const zero = Object.entries(EXIT_CODES).filter(([, code]) => code === 0)
  assert.deepEqual(zero, [['success', 0]])
  assert.ok(Object.values(EXIT_CODES).every((code) => code !== 2))
})

test('a line of progress says what is done, in one line whatever the VM is called', () => {
  const vmRun: VmRun = {
    id: 'v',
    run: 'run-1',
    job: 'job-1',
    schedule: null,
    sourcePool: 'p',
    vm: { uuid: 'u', name: 'web\n\x1b[2J1' },
    target: { pool: 'p', sr: 's' },
    state: 'failed',
    stage: null,
    waitingFor: null,
    attempt: 1,
    queuedAt: '2026-11-23T14:00:00.000Z',
    startedAt: null,
    endedAt: null,
    disks: [],
    error: { code: 'TARGET_SR_FULL', message: 'the target storage is full', hint: 'free space on it' },
    warnings: [],
    restorePoint: null,
    replica: null,
  }
  assert.equal(changeLine(vmRun), 'web  [2J1: FAILED: the target storage is full (free space on it)')
  assert.equal(changeLine({ ...vmRun, state: 'waiting', waitingFor: 'pool oslo', error: null }), 'web  [2J1: waits for pool oslo')
})
