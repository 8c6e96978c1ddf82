import { Tooltip } from '@mantine/core'
import { exact, relative } from './measures.ts'
import { useNow } from './use-now.ts'

/** How long ago (or until), with the exact time on hover and for screen readers. */
export function Age({ time }: { readonly time: string | null | undefined }) {
  const now = useNow()
  if (time === null || time === undefined) return <>–</>
  return (
    <Tooltip label={exact(time)}>
      <time dateTime={time}>{relative(time, now)}</time>
    </Tooltip>
  )
}
