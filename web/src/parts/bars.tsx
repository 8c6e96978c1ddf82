/** A row of bars over time: heights by the largest, what one stands for under them, and all of it as a table for screen readers. */
import { Text } from '@mantine/core'
import { type KeyboardEvent, useState } from 'react'

export interface Bar {
  readonly key: string
  /** When, as it is said: “Mon 23 Nov” */
  readonly when: string
  /** Under every so many bars. */
  readonly tick?: string
  readonly value: number
  /** What it stands for, in words. */
  readonly text: string
  /** Something went wrong in it. */
  readonly isMarked?: boolean
}

interface BarsProps {
  /** What it shows, with the sum. */
  readonly label: string
  readonly bars: readonly Bar[]
  readonly format: (value: number) => string
  /** Says how to look at single bars. */
  readonly hint: string
}

const STEPS: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowLeft: -1, Home: -10_000, End: 10_000 }

export function Bars({ label, bars, format, hint }: BarsProps) {
  const [at, setAt] = useState<number>()
  const most = Math.max(0, ...bars.map(({ value }) => value))
  const told = at === undefined ? undefined : bars[at]
  const move = (event: KeyboardEvent) => {
    const step = STEPS[event.key]
    if (step === undefined) return
    event.preventDefault()
    setAt((before) => Math.max(0, Math.min(bars.length - 1, before === undefined ? bars.length - 1 : before + step)))
  }
  return (
    <div className="bars">
      <div
        className="drawing"
        role="img"
        aria-label={`${label}. ${hint}`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys go from bar to bar
        tabIndex={0}
        onKeyDown={move}
        onMouseLeave={() => setAt(undefined)}
      >
        <span className="most figures" aria-hidden>
          {format(most)}
        </span>
        {bars.map((bar, nth) => (
          // biome-ignore lint/a11y/noStaticElementInteractions: see above
          <div className="bar" key={bar.key} data-here={nth === at || undefined} onMouseEnter={() => setAt(nth)}>
            <i style={{ height: `${most === 0 ? 0 : Math.max(bar.value > 0 ? 2 : 0, (bar.value / most) * 100)}%` }} />
            {bar.isMarked && <b aria-hidden>!</b>}
            <span aria-hidden>{bar.tick}</span>
          </div>
        ))}
      </div>
      <Text size="xs" mih={18} aria-live="polite" className="figures">
        {told === undefined ? '' : `${told.when}: ${told.text}`}
      </Text>
      <div className="only-read">
        <table>
          <caption>{label}</caption>
          <tbody>
            {bars.map((bar) => (
              <tr key={bar.key}>
                <th scope="row">{bar.when}</th>
                <td>{bar.text}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  )
}
