import { Paper, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { figuresQuery, transfersQuery } from '../../api/queries.ts'
import { type Bar, Bars } from '../../parts/bars.tsx'
import { bytes } from '../../parts/measures.ts'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { useNow } from '../../parts/use-now.ts'
import { Waiting } from '../../parts/waiting.tsx'
import { TEXTS } from '../../texts/en.ts'
import { lastDays, lastHours, type Span } from './over-time.ts'

const T = TEXTS.overview.moved
const DAYS = 14
const HOURS = 24
const perSecond = (value: number) => `${bytes(Math.round(value))}/s`
const day = (from: Date) => from.toLocaleDateString('en-GB', { weekday: 'short', day: 'numeric', month: 'short' })
const clock = (from: Date) => from.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })

/** What changed per day, and how fast it was sent. */
export function Moved() {
  const figures = useQuery(figuresQuery)
  // Bars of whole hours need no finer time.
  const now = Math.floor(useNow() / 60_000) * 60_000
  const moving = [...(useQuery(transfersQuery).data?.values() ?? [])].flatMap(({ disks }) => disks)
  const speed = moving.reduce((sum, { bytesPerSecond }) => sum + (bytesPerSecond ?? 0), 0)
  const days = figures.data === undefined ? [] : lastDays(figures.data, now, DAYS)
  const hours = figures.data === undefined ? [] : lastHours(figures.data, now, HOURS)
  const all = (spans: readonly Span[], key: 'changedBytes' | 'bytesSent') => spans.reduce((sum, one) => sum + one[key], 0)
  return (
    <>
      <Chart title={T.changed} error={figures.error} isPending={figures.isPending}>
        <Bars
          label={T.changedLabel(bytes(all(days, 'changedBytes')), DAYS)}
          hint={T.arrows}
          format={(value) => bytes(Math.round(value))}
          bars={days.map((span, nth) => ({
            ...barOf(span, span.changedBytes, day(span.from)),
            ...((DAYS - 1 - nth) % 3 === 0 ? { tick: span.from.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' }) } : {}),
          }))}
        />
      </Chart>
      <Chart title={T.throughput} aside={speed > 0 ? T.now(perSecond(speed)) : T.idle} error={figures.error} isPending={figures.isPending}>
        <Bars
          label={T.sentLabel(bytes(all(hours, 'bytesSent')), HOURS)}
          hint={T.arrows}
          format={perSecond}
          bars={hours.map((span, nth) => ({
            ...barOf(span, span.bytesSent / 3600, `${day(span.from)} ${clock(span.from)}`),
            ...((HOURS - 1 - nth) % 6 === 0 ? { tick: clock(span.from) } : {}),
          }))}
        />
      </Chart>
    </>
  )
}

const barOf = (span: Span, value: number, when: string): Bar => ({
  key: span.from.toISOString(),
  when,
  value,
  text: T.bar(bytes(span.changedBytes), bytes(span.bytesSent), span.runs, span.failed),
  isMarked: span.failed > 0,
})

function Chart(props: {
  readonly title: string
  readonly aside?: string
  readonly error: Error | null
  readonly isPending: boolean
  readonly children: React.ReactNode
}) {
  const { title, aside, error, isPending, children } = props
  return (
    <Paper withBorder p="md" component="section" aria-label={title}>
      <Stack gap="sm">
        <Title order={2} size="h5">
          {title}
          {aside !== undefined && (
            <Text span size="sm" c="dimmed" ml="sm" className="figures">
              {aside}
            </Text>
          )}
        </Title>
        <ProblemNote error={error} />
        {isPending ? <Waiting lines={3} /> : children}
      </Stack>
    </Paper>
  )
}
