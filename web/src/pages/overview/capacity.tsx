import { Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { figuresQuery, jobsQuery } from '../../api/queries.ts'
import { bytes } from '../../parts/measures.ts'
import { type Column, Rows } from '../../parts/rows.tsx'
import { type SeenSr, useNames } from '../../parts/use-names.ts'
import { useNow } from '../../parts/use-now.ts'
import { Waiting } from '../../parts/waiting.tsx'
import { TEXTS } from '../../texts/en.ts'
import { Usage } from '../pools/usage.tsx'
import { type Forecast, forecastOf } from './over-time.ts'

const T = TEXTS.overview
const SOON_DAYS = 14

/** How full the storage of replicas is, and how long it lasts. */
export function Capacity() {
  const jobs = useQuery(jobsQuery).data ?? []
  const figures = useQuery(figuresQuery).data
  const now = useNow()
  const names = useNames()
  const targets = new Map(jobs.flatMap((job) => job.targets).map((target) => [`${target.pool}/${target.sr}`, target]))
  const srs = [...targets.values()].flatMap((target) => names.sr(target) ?? [])
  const forecast = ({ pool, uuid, size, used }: SeenSr): Forecast => {
    const sent = figures?.targets.find((one) => one.pool === pool && one.sr === uuid)
    return forecastOf(sent, Math.max(0, size - used), figures?.since ?? null, now)
  }
  const columns: readonly Column<SeenSr>[] = [
    { key: 'sr', head: T.capacityColumns.sr, cell: ({ pool, uuid }) => names.target({ pool, sr: uuid }) },
    { key: 'used', head: T.capacityColumns.used, cell: (sr) => <Usage sr={sr} /> },
    { key: 'free', head: T.capacityColumns.free, kind: 'number', cell: ({ size, used }) => bytes(Math.max(0, size - used)) },
    { key: 'lasts', head: T.capacityColumns.lasts, cell: (sr) => <Lasts forecast={forecast(sr)} /> },
  ]
  return (
    <section aria-labelledby="capacity">
      <Stack gap="sm">
        <Title order={2} size="h5" id="capacity">
          {T.capacity}
        </Title>
        {srs.length === 0 && names.isPending && <Waiting lines={2} />}
        {srs.length > 0 && (
          <>
            <Rows label={T.capacity} rows={srs} keyOf={({ pool, uuid }) => `${pool} ${uuid}`} columns={columns} />
            <Text size="xs" c="dimmed">
              {T.forecast.how}
            </Text>
          </>
        )}
      </Stack>
    </section>
  )
}

function Lasts({ forecast }: { readonly forecast: Forecast }) {
  if (forecast.kind !== 'grows') return <Text size="xs">{T.forecast[forecast.kind]}</Text>
  const { daysLeft, perDay } = forecast
  return (
    <Text size="xs" {...(daysLeft < SOON_DAYS ? { fw: 700, c: 'red' } : {})}>
      {T.forecast.days(daysLeft)} · {T.forecast.perDay(bytes(Math.round(perDay)))}
    </Text>
  )
}
