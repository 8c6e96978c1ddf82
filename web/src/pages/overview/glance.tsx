/** Two seconds: is everything protected? */
import { Group, Text } from '@mantine/core'
import { CheckCircledIcon, CircleIcon, CrossCircledIcon, ExclamationTriangleIcon } from '@radix-ui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import { jobsQuery, upcomingQuery } from '../../api/queries.ts'
import type { Protection, ProtectionState } from '../../api/types.ts'
import { Age } from '../../parts/age.tsx'
import { TEXTS } from '../../texts/en.ts'

const T = TEXTS.overview
const ORDER: readonly ProtectionState[] = ['protected', 'at-risk', 'missed', 'pending', 'paused', 'failed-over', 'unprotected']
/** A VM of several chains is as well off as its worst one. */
const WORST: readonly ProtectionState[] = ['missed', 'at-risk', 'failed-over', 'pending', 'paused', 'protected', 'unprotected']

export function Glance({ protections }: { readonly protections: readonly Protection[] }) {
  const jobs = useQuery(jobsQuery).data
  const next = useQuery(upcomingQuery)
    .data?.filter(({ at }) => at !== null)
    .toSorted((a, b) => ((a.at as string) < (b.at as string) ? -1 : 1))[0]
  const states = new Map<string, ProtectionState>()
  for (const { state, vm, sourcePool } of protections) {
    const key = `${sourcePool}/${vm.uuid}`
    const before = states.get(key)
    if (before === undefined || WORST.indexOf(state) < WORST.indexOf(before)) states.set(key, state)
  }
  const counts = new Map<ProtectionState, number>()
  for (const state of states.values()) counts.set(state, (counts.get(state) ?? 0) + 1)
  const of = (state: ProtectionState) => counts.get(state) ?? 0
  const inJobs = states.size - of('unprotected')
  const troubled = of('missed') + of('at-risk')
  const waiting = of('pending') + of('paused')
  const over = of('failed-over')
  const look = of('missed') > 0 ? 'bad' : troubled + over > 0 ? 'warn' : waiting > 0 || inJobs === 0 ? 'idle' : 'good'
  const Icon = { bad: CrossCircledIcon, warn: ExclamationTriangleIcon, good: CheckCircledIcon, idle: CircleIcon }[look]
  return (
    <section className="glance" data-look={look} aria-label={T.counts}>
      <Group justify="space-between" gap="xs" align="center">
        <Group gap={10} wrap="nowrap">
          <Icon width={22} height={22} aria-hidden className="sign" />
          <Text fw={700} size="lg">
            {troubled > 0
              ? T.glance.trouble(troubled, inJobs)
              : over > 0
                ? T.glance.over(over, inJobs)
                : waiting > 0
                  ? T.glance.waiting(waiting, inJobs)
                  : T.glance.well(inJobs)}
          </Text>
        </Group>
        {next !== undefined && (
          <Text size="sm" c="dimmed">
            {T.next(jobs?.find(({ id }) => id === next.job)?.name ?? '')} <Age time={next.at} />
          </Text>
        )}
      </Group>
      <nav className="counts figures" aria-label={T.states}>
        {ORDER.filter((state) => counts.has(state) || state === 'protected').map((state) => (
          <Link to={`/replicas?state=${state}`} key={state} className="count">
            <b>{of(state)}</b>
            {TEXTS.protection[state]}
          </Link>
        ))}
      </nav>
    </section>
  )
}
