/** Restore points along time: where they lie, how large they are, which were read back or tested. The table below has the same in words. */
import { Text } from '@mantine/core'
import type { RestorePoint } from '../../api/types.ts'
import { bytes, exact, relative } from '../../parts/measures.ts'
import { useNow } from '../../parts/use-now.ts'
import { TEXTS } from '../../texts/en.ts'

const T = TEXTS.replicas

export function PointsTimeline({ points }: { readonly points: readonly RestorePoint[] }) {
  const now = useNow()
  const shown = points.filter(({ complete }) => complete).toSorted((a, b) => Date.parse(a.takenAt) - Date.parse(b.takenAt))
  const [first] = shown
  if (first === undefined) return null
  const begin = Date.parse(first.takenAt)
  const span = Math.max(1, now - begin)
  const most = Math.max(1, ...shown.map((point) => point.bytes))
  return (
    <div className="points" role="img" aria-label={T.timeline(shown.length)}>
      <div className="line">
        {shown.map((point) => (
          <i
            className="mark"
            key={point.uuid}
            title={`${exact(point.takenAt)}, ${bytes(point.bytes)}`}
            data-state={stateOf(point)}
            style={{
              left: `${((Date.parse(point.takenAt) - begin) / span) * 100}%`,
              height: `${14 + 26 * Math.sqrt(point.bytes / most)}px`,
            }}
          />
        ))}
      </div>
      <div className="ends">
        <Text size="xs" c="dimmed">
          {relative(first.takenAt, now)}
        </Text>
        <Text size="xs" c="dimmed">
          {T.legendPoints}
        </Text>
        <Text size="xs" c="dimmed">
          {T.nowEnd}
        </Text>
      </div>
    </div>
  )
}

function stateOf({ verified, tested }: RestorePoint): 'bad' | 'good' | 'plain' {
  if (verified?.equal === false || tested?.outcome === 'not-ready') return 'bad'
  return verified !== null || (tested !== null && tested !== undefined) ? 'good' : 'plain'
}
