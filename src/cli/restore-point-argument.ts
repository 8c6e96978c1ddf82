/** Which restore point a command is about: named itself, or the newest of a chain. */
import type { WantedPoint } from '../replication/proof/find-point.ts'
import { UsageError } from './command.ts'
import { optionalUuid } from './pool-arguments.ts'

/** Values of `--restore-point`, or of `--sr`, `--vm` and maybe `--job`. Throws UsageError. */
export function wantedPoint(values: {
  readonly sr?: string | undefined
  readonly vm?: string | undefined
  readonly job?: string | undefined
  readonly 'restore-point'?: string | undefined
}): WantedPoint {
  const point = optionalUuid(values['restore-point'], '--restore-point')
  const [sr, vm, job] = [optionalUuid(values.sr, '--sr'), optionalUuid(values.vm, '--vm'), optionalUuid(values.job, '--job')]
  if (point !== undefined) {
    if (vm !== undefined || job !== undefined) throw new UsageError('--restore-point names it already: --vm and --job do not go with it')
    return { kind: 'uuid', uuid: point, sr }
  }
  if (vm === undefined) throw new UsageError('--vm or --restore-point is missing')
  if (sr === undefined) throw new UsageError('--sr is missing')
  return { kind: 'newest', job, vm, sr }
}
