import { parseArgs } from 'node:util'
import { type FailbackReport, failback, finishFailback } from '../../replication/failover/failback.ts'
import { type ReprotectReport, reprotect } from '../../replication/failover/reprotect.ts'
import { prepareReprotect } from '../../replication/failover/turned-round.ts'
import { type FailedOver, findFailedOver, theOnly } from '../../replication/failover/undo.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import { type Command, UsageError } from '../command.ts'
import { networkArgument, optionalUuid, poolArgument } from '../pool-arguments.ts'
import { formatSeconds } from '../sizes.ts'
import { confirm, inSession, READY_OPTIONS, READY_USAGE, readinessOf, type Session, TRUST_USAGE } from './common.ts'
import { formatReprotectPlan, formatTakeOver, formatTurned } from './report.ts'
import { RUN_OPTIONS, RUN_USAGE, runSettings, SHUTDOWN_OPTIONS, SHUTDOWN_USAGE, shutdownOf } from './run-settings.ts'

const COMMON = `  --to URL            pool where the VM runs that failed over (also UNDERSTUDY_TO)
  --original URL      pool of the original (also UNDERSTUDY_FROM)
  --vm UUID           the original VM
  --failed-over UUID  the VM that runs, when several have failed over from the same original
  --job ID            of this job
  --back-sr UUID      storage repository for the way back (default: that of the original's first disk)
  --network HERE=THERE  network of the VM that runs, and the original pool's that stands for it (default: as the original's interfaces tell)
${RUN_USAGE}`

const OPTIONS = {
  ...RUN_OPTIONS,
  to: { type: 'string' },
  original: { type: 'string' },
  vm: { type: 'string' },
  'failed-over': { type: 'string' },
  job: { type: 'string' },
  'back-sr': { type: 'string' },
  network: { type: 'string', multiple: true, default: [] as string[] },
  trust: { type: 'string', multiple: true, default: [] as string[] },
  json: { type: 'boolean', default: false },
  yes: { type: 'boolean', default: false },
} as const

interface Named {
  readonly vm: string | undefined
  readonly self: string | undefined
  readonly job: string | undefined
}

/** Throws UsageError. */
function namedBy(values: {
  readonly vm?: string | undefined
  readonly 'failed-over'?: string | undefined
  readonly job?: string | undefined
}): Named {
  const named = {
    vm: optionalUuid(values.vm, '--vm'),
    self: optionalUuid(values['failed-over'], '--failed-over'),
    job: optionalUuid(values.job, '--job'),
  }
  if (named.vm === undefined && named.self === undefined) throw new UsageError('--vm or --failed-over is missing')
  return named
}

async function findNamed(session: Session, { vm, self, job }: Named): Promise<FailedOver> {
  const found = (await findFailedOver(session, { vm, job })).filter(({ uuid }) => self === undefined || uuid === self)
  return theOnly(found, vm ?? 'any other')
}

async function agree(session: Session, original: Xapi, failed: FailedOver, sr: string | undefined, question: string): Promise<void> {
  const { plan } = await prepareReprotect(session, original, failed, sr)
  if (!session.json) process.stderr.write(formatReprotectPlan(plan))
  await confirm(session, question)
}

export const command: Command = {
  summary: 'protect a VM that failed over, in the direction back',
  usage: `
Usage: understudy failover reprotect --to URL --original URL --vm UUID [--yes] [OPTION...]

The VM that failed over becomes the source. The original becomes its replica where it is halted and proven unchanged; else it stays
as it is, and a new VM is made beside it. Only what changed on either side is sent. Further runs: understudy replicate, which is told how.

${COMMON}
  --dry-run           say what would happen, and change nothing
  --yes               do not ask
${TRUST_USAGE}`,
  async run(args) {
    const { values } = parseArgs({ args: [...args], options: { ...OPTIONS, 'dry-run': { type: 'boolean', default: false } } })
    const named = namedBy(values)
    const to = poolArgument(values.to, '--to')
    const login = poolArgument(values.original, '--original')
    const sr = optionalUuid(values['back-sr'], '--back-sr')
    const networks = new Map(values.network.map(networkArgument))
    const settingsFor = runSettings(values)
    return inSession({ to, trust: values.trust, json: values.json, yes: values.yes }, async (session) => {
      const settings = { ...settingsFor(session.onEvent), ...(networks.size === 0 ? {} : { networks }) }
      const original = await session.connect(login)
      const failed = await findNamed(session, named)
      if (values['dry-run']) {
        const { plan } = await prepareReprotect(session, original, failed, sr)
        session.print({ plan }, () => formatReprotectPlan(plan))
        return 0
      }
      await agree(session, original, failed, sr, 'Turn its protection round?')
      const report = await reprotect(session, original, failed, settings, sr)
      session.print({ ...report, networks: Object.fromEntries(report.networks) }, () => formatTurned(report))
      return 0
    })
  },
}

export const failbackCommand: Command = {
  summary: 'go back: a VM that failed over returns to the pool of its original, without losing a byte',
  usage: `
Usage: understudy failback --to URL --original URL --vm UUID [--yes] [OPTION...]

Sends what changed to the original's pool while the VM runs (understudy failover reprotect), shuts it down, sends the rest, starts it
there, and protects it again as before the failover. When a step fails the VM runs on where it is. Stopped in the middle: the same again.

${COMMON}
${SHUTDOWN_USAGE}
${READY_USAGE}
                      (default: it counts as up when it is started)
  --no-protection     do not protect it again
  --yes               do not ask
${TRUST_USAGE}`,
  async run(args) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        ...OPTIONS,
        ...SHUTDOWN_OPTIONS,
        ...READY_OPTIONS,
        'no-protection': { type: 'boolean', default: false },
      },
    })
    const named = namedBy(values)
    const to = poolArgument(values.to, '--to')
    const login = poolArgument(values.original, '--original')
    const sr = optionalUuid(values['back-sr'], '--back-sr')
    const networks = new Map(values.network.map(networkArgument))
    const readiness = readinessOf(values.ready, values['ready-timeout'])
    const shutdown = shutdownOf(values)
    const settingsFor = runSettings(values)
    return inSession({ to, trust: values.trust, json: values.json, yes: values.yes }, async (session) => {
      const settings = { ...settingsFor(session.onEvent), ...(networks.size === 0 ? {} : { networks }) }
      const original = await session.connect(login)
      const failed = await findNamed(session, named).catch(async (error: unknown) => {
        const left = named.vm === undefined ? undefined : await finishFailback(session, original, named.vm, settings)
        if (left === undefined) throw error
        return left
      })
      if ('kind' in failed) return printFailback(session, failed)
      await agree(session, original, failed, sr, 'Shut it down and go back?')
      const wishes = {
        ...shutdown,
        networks: { kind: 'replica' },
        mapping: new Map(),
        macs: 'keep',
        protectAgain: !values['no-protection'],
        ...(sr === undefined ? {} : { sr }),
        ...(values.ready.length === 0 ? {} : { readiness }),
      } as const
      const report = await failback(session, original, failed, wishes, settings)
      return printFailback(session, report)
    })
  },
}

function printFailback(session: Session, report: FailbackReport): number {
  const { turned, planned, vm, unprotected } = report
  const plain = (turning: ReprotectReport | undefined) => turning && { ...turning, networks: Object.fromEntries(turning.networks) }
  session.print({ ...report, turned: plain(turned), protectedAgain: plain(report.protectedAgain) }, () => {
    const back = planned === undefined ? `"${vm.name}" (${vm.uuid}) was back already.\n` : formatTakeOver(planned.failover)
    const down = planned === undefined ? '' : `Down for ${formatSeconds(planned.seconds.down)}. `
    const state = unprotected === undefined ? 'It is protected again.' : `It is NOT protected: ${unprotected}. Do the same again.`
    return `${back}${down}${report.protectedAgain === undefined && unprotected === undefined ? '' : state}\n`
  })
  return unprotected === undefined ? 0 : 1
}
