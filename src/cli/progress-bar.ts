/** How far something is, in words and as a bar. */
import { formatBytes, formatSeconds } from './sizes.ts'

export interface Amount {
  readonly done: number
  readonly expected: number | undefined
  readonly bytesPerSecond: number | undefined
  readonly secondsLeft: number | undefined
}

const BAR = 24

/** `[██····]  30 %  1.2 GiB of 4.0 GiB, 90.0 MiB/s, 32 s left`; without bar and time where the end is not known. */
export function amountText({ done, expected, bytesPerSecond, secondsLeft }: Amount): string {
  const share = expected === undefined || expected === 0 ? undefined : Math.min(1, done / expected)
  const bar =
    share === undefined
      ? ''
      : `[${'█'.repeat(Math.round(share * BAR)).padEnd(BAR, '·')}] ${String(Math.round(share * 100)).padStart(3)} %  `
  const amount = expected === undefined ? formatBytes(done) : `${formatBytes(done)} of ${formatBytes(expected)}`
  const speed = bytesPerSecond ? `, ${formatBytes(bytesPerSecond)}/s` : ''
  return `${bar}${amount}${speed}${secondsLeft === undefined ? '' : `, ${formatSeconds(secondsLeft)} left`}`
}
