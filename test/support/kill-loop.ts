/**
 * Kills the mover or one of the pools at random instants of a run, again and again, and checks after each what G1 and G3 promise: every
 * restore point that can be seen holds exactly what its source snapshot held, the replica is protected, and the next run succeeds
 * and leaves nothing but the chain behind.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type SpawnedLab, spawnLab } from './lab.ts'
import {
  assertNoLeftovers,
  assertProtected,
  type Chain,
  hashesOf,
  hashesOfPoint,
  look,
  type MadeVm,
  MIB,
  makeVm,
  replicaOf,
  restorePoints,
  withXapi,
} from './replicating.ts'

export type Victim = 'mover' | 'source' | 'target'
const VICTIMS: readonly Victim[] = ['mover', 'source', 'target']

export interface KillLoopOptions {
  readonly rounds: number
  readonly seed: number
  readonly log?: (line: string) => void
}

/** Bytes of a segment at least, from run to run; undefined: as ever, which for disks this small is one upload each. Small ones make several that overlap. */
const SEGMENTS = [1 * MIB, undefined, 2 * MIB, 4 * MIB] as const

/** What happened, by victim: runs that were hit in the middle, and runs that were over before. */
export type Tally = Record<Victim, { hit: number; finished: number }>

/** Numbers from 0 to 1 that follow from a seed (a linear congruential generator; good enough for instants). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

export async function killLoop({ rounds, seed, log = () => undefined }: KillLoopOptions): Promise<Tally> {
  const random = seededRandom(seed)
  const tally: Tally = { mover: { hit: 0, finished: 0 }, source: { hit: 0, finished: 0 }, target: { hit: 0, finished: 0 } }
  const [left, right] = await Promise.all([spawnLab(['--empty', '--pools', 'paris']), spawnLab(['--empty', '--pools', 'oslo'])])
  try {
    const loop = new Loop(left, right, random, log)
    await loop.start()
    for (let round = 0; round < rounds; round++) {
      const victim = VICTIMS[round % VICTIMS.length] as Victim
      // Every few rounds a new chain, so that first copies are hit as well as deltas.
      if (round % 7 === 3) await loop.newChain()
      const hit = await loop.round(round, victim)
      tally[victim][hit ? 'hit' : 'finished']++
    }
    return tally
  } finally {
    await Promise.all([left.close(), right.close()])
  }
}

interface How {
  readonly segment: number | undefined
  readonly memory: boolean
}

const told = ({ segment, memory }: How) =>
  `${segment === undefined ? '' : `, segments of ${segment / MIB} MiB`}${memory ? ', with memory' : ''}`

class Loop {
  readonly #left: SpawnedLab
  readonly #right: SpawnedLab
  readonly #random: () => number
  readonly #log: (line: string) => void
  readonly #states = new Map<string, Record<string, string>>()
  #vm: MadeVm = { uuid: '', disks: [] }
  #job = randomUUID()
  #usual = { first: 4000, delta: 2000 }

  constructor(left: SpawnedLab, right: SpawnedLab, random: () => number, log: (line: string) => void) {
    this.#left = left
    this.#right = right
    this.#random = random
    this.#log = log
  }

  get #chain(): Chain {
    const [source] = this.#left.pools
    const [target] = this.#right.pools
    if (source === undefined || target === undefined) throw new Error('a lab without pools')
    return { source, target, vm: this.#vm.uuid, sr: target.srs[0]?.uuid as string, job: this.#job }
  }

  /** What the chain before keeps on the source goes, as when a job is deleted: every chain keeps a snapshot, and storage allows but 30 in a row. */
  async newChain(): Promise<void> {
    const { source, job } = this.#chain
    await withXapi(source, async (xapi) => {
      const [vms, disks] = await Promise.all([xapi.records('VM'), xapi.records('VDI')])
      for (const [ref, { is_a_snapshot: snapshot, name_label: name }] of vms) {
        if (snapshot && name.startsWith(`understudy ${job}`)) await xapi.call('VM.destroy', [ref])
      }
      for (const [ref, { is_a_snapshot: snapshot, other_config: config }] of disks) {
        if (snapshot && config['xo:backup:job'] === job) await xapi.call('VDI.destroy', [ref])
      }
    })
    this.#job = randomUUID()
  }

  async start(): Promise<void> {
    this.#vm = await makeVm(this.#chain.source, [96 * MIB, 64 * MIB], { tools: true, memory: 64 * MIB })
    // The instants of the kills are spread over the time that an undisturbed run takes here and now.
    for (const kind of ['first', 'delta'] as const) {
      await this.#write()
      const started = performance.now()
      await this.#undisturbed()
      this.#usual[kind] = performance.now() - started
    }
  }

  async #write(): Promise<void> {
    for (const { userdevice } of this.#vm.disks) {
      await this.#chain.source.post('/guest/random', {
        vm: this.#vm.uuid,
        userdevice,
        count: 1 + Math.floor(this.#random() * 60),
        seed: randomUUID(),
      })
    }
  }

  /** A kill, then a run that nobody disturbs. True when the killed run had not ended. */
  async round(round: number, victim: Victim): Promise<boolean> {
    await this.#write()
    const hasPoints = restorePoints(await look(this.#chain.target), this.#chain).length > 0
    const delay = this.#random() * 1.1 * (hasPoints ? this.#usual.delta : this.#usual.first)
    const before = await hashesOf(this.#chain.source, this.#vm)
    const how = this.#how()
    const begun = performance.now()
    const mover = this.#startMover(how)
    await Promise.race([sleep(delay), mover.ended])
    const hit = mover.running()
    // The machine may be faster by now than when an undisturbed run was timed.
    if (!hit) this.#usual[hasPoints ? 'delta' : 'first'] = performance.now() - begun
    if (victim === 'mover') mover.kill()
    else {
      const lab = victim === 'source' ? this.#left : this.#right
      await lab.kill('SIGKILL')
      await lab.restart()
    }
    const killed = await mover.ended
    this.#log(
      `round ${round}: ${victim} killed after ${Math.round(delay)} ms${hit ? '' : ' (the run was over)'}${told(how)}; the run ended with ${killed.code ?? killed.signal}`,
    )
    // A run that got through says which of the states it made a restore point of; one that was killed may have, too.
    this.#expectAny(before)
    await this.#checkPoints(`after the kill of round ${round}`)
    if (!hit) assert.equal(killed.code, 0, killed.stderr)
    await this.#write()
    await this.#undisturbed()
    return hit
  }

  /** The killed run's id is not known unless it printed its report: its restore point must hold the state it began from. */
  #expectAny(state: Record<string, string>): void {
    this.#states.set('killed', state)
  }

  async #undisturbed(): Promise<void> {
    const { source, target } = this.#chain
    const expected = await hashesOf(source, this.#vm)
    const mover = this.#startMover(this.#how())
    const { code, stdout, stderr } = await mover.ended
    assert.equal(code, 0, `the next run succeeds: ${stderr}`)
    const { run, plan } = JSON.parse(stdout) as { run: string; plan: { resume?: object } }
    // One that takes up the interrupted transfer brings the replica up to that run's snapshot, not to what the source is by now.
    const killed = this.#states.get('killed')
    this.#states.set(run, plan.resume === undefined || killed === undefined ? expected : killed)
    if (plan.resume !== undefined) this.#log('  the next run went on with the interrupted transfer')
    await this.#checkPoints('after the next run')
    const [sourceSeen, targetSeen] = [await look(source), await look(target)]
    assert.ok(
      restorePoints(targetSeen, this.#chain).some((point) => point.run === run),
      'its restore point is there',
    )
    assertProtected(targetSeen, this.#chain)
    const state = [...sourceSeen.VM.values()].find(({ uuid }) => uuid === this.#vm.uuid)?.power_state
    assert.equal(state, 'Running', 'the source VM runs on')
    assertNoLeftovers(sourceSeen, targetSeen, this.#chain, this.#vm)
  }

  async #checkPoints(when: string): Promise<void> {
    const { target } = this.#chain
    const seen = await look(target)
    for (const point of restorePoints(seen, this.#chain)) {
      const expected = this.#states.get(point.run) ?? this.#adopt(point.run)
      if (Object.keys(point.disks).length < this.#vm.disks.length) continue
      const found = await hashesOfPoint(this.#chain, point)
      assert.deepEqual(found, expected, `${when}: restore point "${point.name}" differs from its source snapshot`)
    }
    if (replicaOf(seen, this.#chain) !== undefined) {
      const replica = replicaOf(seen, this.#chain)
      assert.ok(replica?.is_a_template || 'start' in (replica?.blocked_operations ?? {}), `${when}: the replica can be started`)
    }
  }

  /** A restore point seen for the first time is that of the run just killed. */
  #adopt(run: string): Record<string, string> {
    const state = this.#states.get('killed')
    assert.ok(state, 'a restore point that no run can have made')
    this.#states.set(run, state)
    return state
  }

  /** A third of the runs carry the memory as well. */
  #how(): How {
    return { segment: SEGMENTS[Math.floor(this.#random() * SEGMENTS.length)], memory: this.#random() < 1 / 3 }
  }

  #startMover({ segment, memory }: How) {
    const { source, target, vm, sr, job } = this.#chain
    const bin = join(import.meta.dirname, '../../bin/understudy.js')
    const url = (pool: typeof source) => pool.url.replace('://', `://${pool.user}:${encodeURIComponent(pool.password)}@`)
    const env = {
      ...process.env,
      UNDERSTUDY_FROM: url(source),
      UNDERSTUDY_TO: url(target),
      UNDERSTUDY_TRUST: `${source.fingerprint},${target.fingerprint}`,
      ...(segment === undefined ? {} : { UNDERSTUDY_LEAST_SEGMENT: String(segment) }),
    }
    const args = [bin, 'replicate', '--vm', vm, '--sr', sr, '--job', job, '--retention', '2', '--json', ...(memory ? ['--memory'] : [])]
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    const ended = once(child, 'close').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as string | null,
      stdout,
      stderr,
    }))
    return { ended, running: () => child.exitCode === null && child.signalCode === null, kill: () => child.kill('SIGKILL') }
  }
}
