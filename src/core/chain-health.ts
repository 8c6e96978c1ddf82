/** Whether the chains of images below the disks leave room for another snapshot. Pure. */
import type { Reason } from './base.ts'

/** A snapshot of a disk whose chain has this many images is refused (sm, MAX_CHAIN_SIZE of vhdutil.py: SR_BACKEND_FAILURE_109). */
export const CHAIN_LIMIT = 30
/** From here on somebody should look: merging does not keep up, or too many restore points are kept. */
const CHAIN_WARNING = 24

export interface Chained {
  readonly userdevice: string
  readonly name: string
  /** Images from the disk's own down to the last; undefined where the storage does not tell. */
  readonly chainDepth: number | undefined
}

export interface ChainHealth {
  /** The disk whose chain is full, when there is one. */
  readonly full: Chained | undefined
  readonly warnings: readonly Reason[]
}

export function judgeChains(side: 'source' | 'target', disks: readonly Chained[]): ChainHealth {
  const known = disks.filter((disk): disk is Chained & { chainDepth: number } => disk.chainDepth !== undefined)
  return {
    full: known.find(({ chainDepth }) => chainDepth >= CHAIN_LIMIT),
    warnings: known
      .filter(({ chainDepth }) => chainDepth >= CHAIN_WARNING && chainDepth < CHAIN_LIMIT)
      .map(({ userdevice, name, chainDepth }) => ({
        code: 'chain-long',
        text: `disk ${userdevice} ("${name}") on the ${side} is a chain of ${chainDepth} images, ${CHAIN_LIMIT} are the limit`,
        avoid:
          side === 'source'
            ? 'delete old snapshots and let the storage coalesce'
            : 'keep fewer restore points and let the storage coalesce',
      })),
  }
}

/**
 * Images from a disk's own down to the last one of its chain. `parentOf` gives the uuid of an image's parent (`vhd-parent` of its
 * sm_config), or undefined for the last. Undefined when the chain can't be followed to its end.
 */
export function chainDepth(uuid: string, parentOf: (uuid: string) => string | undefined | 'unknown'): number | undefined {
  const seen = new Set<string>()
  for (let at: string | undefined = uuid; at !== undefined; ) {
    // A ring or an image that is not told of: nothing can be said.
    if (seen.has(at)) return undefined
    seen.add(at)
    const parent = parentOf(at)
    if (parent === 'unknown') return undefined
    at = parent
  }
  return seen.size
}
