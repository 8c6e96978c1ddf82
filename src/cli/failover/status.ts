import { parseArgs } from 'node:util'
import { type Fenced, fenceOriginals } from '../../replication/failover/source-look.ts'
import { type FailoverSurvey, surveyFailovers } from '../../replication/failover/survey.ts'
import type { Command } from '../command.ts'
import { optionalPool, optionalUuid, poolArgument } from '../pool-arguments.ts'
import { inSession, TRUST_USAGE } from './common.ts'
import { formatFenced, shortTime } from './report.ts'

export const command: Command = {
  summary: 'which VMs of a pool have failed over, which tests are there, and what is left over',
  usage: `
Usage: understudy failover status --to URL [--original URL] [--vm UUID] [OPTION...]

  --to URL            the pool; that of the sources as well, to see what is left of failovers there (also UNDERSTUDY_TO)
  --original URL      pool of the originals: whether they run, or could be started
  --vm UUID           only what has to do with this source VM
${TRUST_USAGE}`,
  async run(args) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        to: { type: 'string' },
        original: { type: 'string' },
        vm: { type: 'string' },
        trust: { type: 'string', multiple: true, default: [] },
        json: { type: 'boolean', default: false },
      },
    })
    const vm = optionalUuid(values.vm, '--vm')
    const to = poolArgument(values.to, '--to')
    const login = values.original === undefined ? undefined : optionalPool(values.original, '--original')
    return inSession({ to, trust: values.trust, json: values.json }, async (session) => {
      const survey = about(await surveyFailovers(session), vm)
      const original = login && (await session.connect(login))
      const originals = original && (await fenceOriginals(session, original, { vm, change: false }))
      const { failedOver, handedOver, startedByHand, tests, leftOvers } = survey
      session.print(
        {
          failedOver: failedOver.map(({ uuid, name, powerState, mark }) => ({ uuid, name, powerState, ...mark })),
          handedOver,
          startedByHand,
          tests: tests.map(({ record, mark }) => ({ uuid: record.uuid, name: record.name_label, powerState: record.power_state, ...mark })),
          leftOvers: leftOvers.map(({ kind, uuid, name, text }) => ({ kind, uuid, name, text })),
          ...(originals === undefined ? {} : { originals }),
        },
        () => format(survey, originals ?? []),
      )
      return 0
    })
  },
}

/** Only what has to do with one source VM; what is left over says nothing of that. */
function about(survey: FailoverSurvey, vm: string | undefined): FailoverSurvey {
  if (vm === undefined) return survey
  return {
    failedOver: survey.failedOver.filter(({ mark }) => mark.vm === vm),
    handedOver: survey.handedOver.filter(({ uuid }) => uuid === vm),
    startedByHand: survey.startedByHand.filter(({ mark }) => mark.vm === vm),
    tests: survey.tests.filter(({ mark }) => mark.vm === vm),
    leftOvers: [],
  }
}

const STATES = {
  preparing: 'a failover was begun and not finished: the same command again goes on, understudy failover undo takes it back',
  turned: 'is protected in the other direction: understudy failback takes it home',
} as const

function format({ failedOver, handedOver, startedByHand, tests, leftOvers }: FailoverSurvey, originals: readonly Fenced[]): string {
  const lines = [
    ...failedOver.map(({ name, uuid, powerState, mark: { kind, state, at, vm } }) => {
      const what = state === 'active' ? `failed over (${kind}, ${shortTime(at)})` : STATES[state]
      return `"${name}" (${uuid}), ${powerState.toLowerCase()}, of VM ${vm}: ${what}`
    }),
    ...originals.map(formatFenced),
    ...handedOver.map(({ name, uuid, powerState, mark }) => {
      const what =
        mark?.state === 'shutting-down'
          ? 'a planned failover was taking it down and ended early: the same command again, or understudy failover undo with --from'
          : 'it handed over, and is kept from being started'
      return `"${name}" (${uuid}), ${powerState.toLowerCase()}: ${what}`
    }),
    ...startedByHand.map(
      ({ name, uuid, powerState }) =>
        `"${name}" (${uuid}), ${powerState.toLowerCase()}: a replica that somebody started: shut it down, or keep it as the failover (understudy failover now --as-it-runs)`,
    ),
    ...tests.map(({ record, mark }) => `"${record.name_label}" (${record.uuid}), ${record.power_state.toLowerCase()}: of test ${mark.id}`),
    ...leftOvers.map(({ name, uuid, text }) => `"${name}" (${uuid}): ${text}`),
  ]
  return lines.length === 0 ? 'Nothing has failed over, there are no tests, and nothing is left over.\n' : `${lines.join('\n')}\n`
}
