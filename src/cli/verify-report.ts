/** What a verification proved, for people. */
import type { DiskProof, PointProof } from '../replication/proof/verify-point.ts'
import { formatBytes, formatSeconds } from './sizes.ts'

const SIGNS: Readonly<Record<DiskProof['outcome'], string>> = { equal: '✓', readable: '!', differs: '✗', unreadable: '✗' }

export function formatProof(proof: PointProof): string {
  const { restorePoint } = proof
  const lines = [
    `Restore point "${restorePoint.name}" (${restorePoint.uuid}), taken ${restorePoint.takenAt.slice(0, 16).replace('T', ' ')} UTC`,
    ...proof.disks.flatMap((disk) => diskLines(disk, `disk ${disk.userdevice} "${disk.name}"`)),
    ...memoryLines(proof),
    ...proof.notes.map((note) => `  note: ${note}`),
    proof.summary,
  ]
  return `${lines.join('\n')}\n`
}

function memoryLines({ memory }: PointProof): string[] {
  if (memory === undefined) return []
  return memory === 'gone' ? [`  ${SIGNS.unreadable} memory: gone`] : diskLines(memory, 'memory')
}

function diskLines(disk: DiskProof, what: string): string[] {
  const read = `${formatBytes(disk.bytesRead)} read in ${formatSeconds(disk.seconds)}`
  const indent = ' '.repeat(6)
  return [
    `  ${SIGNS[disk.outcome]} ${what}, ${formatBytes(disk.size)} (${read})`,
    `${indent}proven:     ${disk.proven}`,
    ...(disk.notProven === undefined ? [] : [`${indent}not proven: ${disk.notProven}`]),
    ...(disk.looks === undefined ? [] : [`${indent}begins with: ${disk.looks.text}`]),
  ]
}
