import { duration } from './measures.ts'
import { useSecond } from './use-now.ts'

/** How long something takes: counts on as long as it has not ended. */
export function Span({ from, to }: { readonly from: string; readonly to: string | null }) {
  return to === null ? <Counting from={from} /> : duration((Date.parse(to) - Date.parse(from)) / 1000)
}

function Counting({ from }: { readonly from: string }) {
  const now = useSecond()
  // Whole seconds: tenths of what goes on would only flicker.
  return <>{duration(Math.max(1, Math.round((now - Date.parse(from)) / 1000)))}</>
}
