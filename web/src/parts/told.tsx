/** Sentences of the server, whose instants are told in the user's own zone, with how long ago they are. */
import { Fragment } from 'react'
import { exact, partsWithInstants, relative } from './measures.ts'
import { useNow } from './use-now.ts'

export function Told({ text }: { readonly text: string }) {
  const parts = partsWithInstants(text)
  return parts.map((part, nth) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: parts of one sentence keep their places
    <Fragment key={nth}>{nth % 2 === 0 ? part : <Instant time={part} />}</Fragment>
  ))
}

function Instant({ time }: { readonly time: string }) {
  const now = useNow()
  // Of its form, and yet no time, such as one of the 31st of February.
  if (Number.isNaN(Date.parse(time))) return time
  return (
    <time dateTime={time}>
      {exact(time)} ({relative(time, now)})
    </time>
  )
}
