/** `understudy replicate` as a process of its own, between two pools of a lab. */
import { join } from 'node:path'
import type { RunReport } from '../src/core/report.ts'
import type { DescribedPool } from '../test/support/lab.ts'
import { type Measured, measure } from './measure.ts'

export interface Replication {
  readonly from: DescribedPool
  readonly to: DescribedPool
  /** uuid of the VM */
  readonly vm: string
  /** uuid of the target's SR; default: the target's first */
  readonly sr?: string
  readonly verify?: 'off' | 'sample' | 'changed' | 'full'
  /** Progress and errors go to our standard error. */
  readonly showProgress?: boolean
}

export interface MeasuredRun extends Omit<Measured, 'exitCode' | 'stdout' | 'stderr'> {
  readonly report: RunReport
}

/** One run to its end. Rejects with its error line. */
export async function replicate({
  from,
  to,
  vm,
  sr = firstSr(to),
  verify = 'off',
  showProgress = false,
}: Replication): Promise<MeasuredRun> {
  const command = join(import.meta.dirname, '..', 'bin', 'understudy.js')
  const args = [command, 'replicate', '--vm', vm, '--sr', sr, '--verify', verify, '--json']
  const { exitCode, stdout, stderr, ...figures } = await measure(process.execPath, args, {
    env: poolEnvironment(from, to),
    showErrors: showProgress,
  })
  if (exitCode !== 0) throw new Error(stderr.trim() || `understudy replicate ended with exit code ${exitCode}`)
  return { ...figures, report: JSON.parse(stdout) as RunReport }
}

/** Pools and trust for a command, through the environment: no list of processes shows the passwords there. */
export function poolEnvironment(from: DescribedPool, to: DescribedPool): Record<string, string> {
  return {
    UNDERSTUDY_FROM: urlWithPassword(from),
    UNDERSTUDY_TO: urlWithPassword(to),
    UNDERSTUDY_TRUST: `${from.fingerprint},${to.fingerprint}`,
  }
}

function firstSr({ name, srs }: DescribedPool): string {
  const sr = srs[0]
  if (!sr) throw new Error(`pool ${name} has no SR`)
  return sr.uuid
}

function urlWithPassword({ url, user, password }: DescribedPool): string {
  const full = new URL(url)
  full.username = encodeURIComponent(user)
  full.password = encodeURIComponent(password)
  return full.href
}
