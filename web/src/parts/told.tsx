/** Sentences of the server, whose instants are told in the user's own zone, with how long ago they are. */
import { Fragment } from 'react'
import { exact, relative } from './measures.ts'
import { useNow } from './use-now.ts'

const INSTANT = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)(?: \(\d+ seconds? ago\))?/

export function Told({ text }: { readonly text: string }) {
  // Every second part is an instant.
  const parts = text.split(INSTANT)
  if (parts.length === 1) return <>{text}</>
  return (
    <>
      {parts.map((part, nth) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: parts of one sentence keep their places
        <Fragment key={nth}>{nth % 2 === 0 ? part : <Instant time={part} />}</Fragment>
      ))}
    </>
  )
}

function Instant({ time }: { readonly time: string }) {
  const now = useNow()
  if (Number.isNaN(Date.parse(time))) return <>{time}</>
  return (
    <time dateTime={time}>
      {exact(time)} ({relative(time, now)})
    </time>
  )
}
