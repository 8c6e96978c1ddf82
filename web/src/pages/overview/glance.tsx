/** Two seconds: is everything protected? */
import { Anchor, Group, Text } from '@mantine/core'
import { CheckCircledIcon, CircleIcon, CrossCircledIcon, ExclamationTriangleIcon } from '@radix-ui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import { alertsQuery, jobsQuery, upcomingQuery } from '../../api/queries.ts'
import type { Pool, Protection, ProtectionState } from '../../api/types.ts'
import { Age } from '../../parts/age.tsx'
import { jobPath } from '../../parts/paths.ts'
import { useMay } from '../../parts/rights.tsx'
import { TEXTS } from '../../texts/en.ts'
import { verdictOf } from './verdict.ts'

const T = TEXTS.overview
const ORDER: readonly ProtectionState[] = ['protected', 'at-risk', 'missed', 'failed-over', 'pending', 'paused', 'unprotected']
const ICONS = { bad: CrossCircledIcon, warn: ExclamationTriangleIcon, good: CheckCircledIcon, idle: CircleIcon } as const

export function Glance({ protections, pools }: { readonly protections: readonly Protection[]; readonly pools: readonly Pool[] }) {
  const alerts = useQuery(alertsQuery(true)).data?.items ?? []
  const mayChange = useMay('administrator')
  const { look, headline, also, counts } = verdictOf(protections, pools, alerts)
  const Icon = ICONS[look]
  return (
    <section className="glance" data-look={look} aria-label={T.counts}>
      <div className="verdict">
        <Group gap={10} wrap="nowrap">
          <Icon width={24} height={24} aria-hidden className="sign" />
          <div>
            <Text fw={700} size="lg">
              {headline}
            </Text>
            {also.length > 0 && (
              <Text size="sm" fw={600}>
                {also.join(' · ')}
              </Text>
            )}
          </div>
        </Group>
        <Next />
      </div>
      <nav className="counts figures" aria-label={T.states}>
        {ORDER.filter((state) => counts.has(state) || state === 'protected').map((state) => (
          <Link to={`/replicas?state=${state}`} key={state} className="count" data-state={state}>
            <b>{(counts.get(state) ?? 0).toLocaleString('en')}</b>
            {TEXTS.protection[state]}
          </Link>
        ))}
        {mayChange && counts.has('unprotected') && (
          <Anchor component={Link} to="/jobs/new" size="sm">
            {T.protectMore}
          </Anchor>
        )}
      </nav>
    </section>
  )
}

/** The run that comes next, of all jobs. */
function Next() {
  const jobs = useQuery(jobsQuery).data
  const [next] =
    useQuery(upcomingQuery)
      .data?.flatMap((one) => (one.at === null ? [] : [{ ...one, at: one.at }]))
      .toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at)) ?? []
  if (next === undefined) return null
  return (
    <Text size="sm" c="dimmed" className="next">
      {T.next}{' '}
      <Anchor component={Link} to={jobPath(next.job)} size="sm" underline="always">
        {jobs?.find(({ id }) => id === next.job)?.name ?? ''}
      </Anchor>{' '}
      <Age time={next.at} />
    </Text>
  )
}
