const FIRST_MS = 1_000
const LONGEST_MS = 60_000

/**
 * Milliseconds until a pool that is away is tried again: growing from a second to a minute, spread by a quarter either way, so that many
 * pools which went with one network do not all come back at the same moment. @param chance 0 to 1
 */
export function retryPause(failures: number, chance: number): number {
  const pause = Math.min(FIRST_MS * 2 ** Math.min(Math.max(failures - 1, 0), 20), LONGEST_MS)
  return Math.round(pause * (0.75 + chance / 2))
}
