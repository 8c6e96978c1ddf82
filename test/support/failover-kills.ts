/** Kills the commands that fail over at random instants, and sees that the next call goes on or takes it back (failover-matrix.ts). */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { FailoverTrial, type Operation } from './failover-matrix.ts'
import { seededRandom } from './kill-loop.ts'
import { type ControlledLabPool, type StartedPool, startLab } from './lab.ts'
import type { Chain } from './replicating.ts'

const OPERATIONS = [
  'planned',
  'reprotect',
  'failback',
  'plan, now',
  'now',
  'undo',
  'plan, planned',
  'reprotect, beside',
  'now, clone',
  'test',
] as const

export interface FailoverKills {
  readonly rounds: number
  readonly seed: number
  readonly log?: (line: string) => void
}

/** By operation: how many were killed in the middle, and how many were over before. */
export type FailoverTally = Map<Operation, { hit: number; finished: number }>

export async function failoverKills({ rounds, seed, log = () => undefined }: FailoverKills): Promise<FailoverTally> {
  const random = seededRandom(seed)
  const tally: FailoverTally = new Map()
  const lab = await startLab({ pools: ['paris', 'oslo'], empty: true })
  const folder = mkdtempSync(join(tmpdir(), 'kills-'))
  // How long they usually take, begun with a guess.
  const usual = new Map<Operation, number>()
  try {
    const [source, target] = lab.pools as [StartedPool, StartedPool]
    for (let round = 0; round < rounds; round++) {
      const operation = OPERATIONS[round % OPERATIONS.length] as Operation
      const then = random() < 0.5 ? 'on' : 'back'
      const share = random()
      const cell = { fault: 'killed', operation, step: '', side: 'target', after: then } as const
      const trial = new FailoverTrial(cell, source, target, async (chain) => {
        // The first third of a second goes by before anything is called.
        const delay = 300 + share * 1.1 * (usual.get(operation) ?? 700)
        const begun = performance.now()
        const child = runCommand(argumentsFor(operation, chain, folder), chain)
        await Promise.race([sleep(delay), child.ended])
        const hit = child.running()
        child.kill()
        const { code, stderr } = await child.ended
        if (!hit) usual.set(operation, performance.now() - begun - 300)
        log(`round ${round}: ${operation}, ${hit ? `killed after ${Math.round(delay)} ms` : `over with ${code}`}, then ${then}`)
        if (!hit && code !== 0) throw new Error(`${operation}: ${stderr}`)
        return hit ? 'killed' : 'ok'
      })
      try {
        const { struck } = await trial.run()
        const counted = tally.get(operation) ?? { hit: 0, finished: 0 }
        counted[struck ? 'hit' : 'finished']++
        tally.set(operation, counted)
      } catch (error) {
        throw new Error(`round ${round} (${operation}, then ${then}): ${(error as Error).message}`, { cause: error })
      }
    }
    return tally
  } finally {
    await lab.close()
    rmSync(folder, { recursive: true })
  }
}

function argumentsFor(operation: Operation, { vm, sr, job }: Chain, folder: string): string[] {
  const named = ['--vm', vm, '--job', job]
  const plan = () => {
    const file = join(folder, `${job}.json`)
    writeFileSync(file, JSON.stringify({ name: 'kills', groups: [{ vms: [{ vm, sr, job }] }] }))
    return file
  }
  switch (operation) {
    case 'planned':
      return ['failover', 'planned', ...named, '--sr', sr, '--ready', 'tools', '--yes']
    case 'reprotect':
    case 'reprotect, beside':
      return ['failover', 'reprotect', ...named, '--yes']
    case 'failback':
      return ['failback', ...named, '--yes']
    case 'undo':
      return ['failover', 'undo', ...named, '--yes']
    case 'now':
      return ['failover', 'now', ...named, '--sr', sr, '--ready', 'tools', '--yes']
    case 'now, clone':
      return ['failover', 'now', ...named, '--sr', sr, '--clone', '--yes']
    case 'test':
      return ['failover', 'test', ...named, '--sr', sr]
    case 'plan, now':
      return ['plan', 'run', plan(), '--now', '--yes']
    case 'plan, planned':
      return ['plan', 'run', plan(), '--planned', '--yes']
    default:
      throw new Error(`no command for ${operation}`)
  }
}

/** The command in a process of its own, the pools in its environment. */
export function runCommand(args: readonly string[], { source, target }: Pick<Chain, 'source' | 'target'>) {
  const url = (pool: ControlledLabPool) => pool.url.replace('://', `://${pool.user}:${encodeURIComponent(pool.password)}@`)
  const env = {
    ...process.env,
    UNDERSTUDY_FROM: url(source),
    UNDERSTUDY_TO: url(target),
    UNDERSTUDY_TRUST: `${source.fingerprint},${target.fingerprint}`,
  }
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../bin/understudy.js'), ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text
    })
  }
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...output }))
  return { ended, running: () => child.exitCode === null && child.signalCode === null, kill: () => child.kill('SIGKILL') }
}
