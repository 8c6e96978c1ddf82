import { Group, Progress, Stack, Text } from '@mantine/core'
import type { DiskProgress, VmRun } from '../api/types.ts'
import { TEXTS } from '../texts/en.ts'
import { bytes, duration } from './measures.ts'

/** What a VM run is busy with, and a bar a disk. */
export function VmProgress({ vmRun }: { readonly vmRun: VmRun }) {
  const { state, stage, waitingFor, disks, attempt } = vmRun
  const doing = state === 'running' && stage !== null ? TEXTS.stage[stage] : (waitingFor ?? TEXTS.runState[state])
  return (
    <Stack gap={4}>
      <Text size="xs" c="dimmed">
        {doing}
        {attempt > 1 && ` · ${TEXTS.runs.attempt(attempt)}`}
      </Text>
      {disks.map((disk) => (
        <DiskBar key={`${disk.what} ${disk.userdevice}`} disk={disk} vm={vmRun.vm.name} />
      ))}
    </Stack>
  )
}

function DiskBar({ disk, vm }: { readonly disk: DiskProgress; readonly vm: string }) {
  const { bytesDone, bytesExpected, bytesPerSecond, secondsLeft, userdevice, name, what } = disk
  const share = bytesExpected === null || bytesExpected === 0 ? null : Math.min(100, (bytesDone / bytesExpected) * 100)
  return (
    <div>
      <Group justify="space-between" gap="xs" wrap="nowrap">
        <Text size="xs" truncate>
          {TEXTS.runs.disk(userdevice, name)}
          {what === 'verify' && ` · ${TEXTS.stage.verify}`}
        </Text>
        <Text size="xs" c="dimmed" className="figures">
          {bytesExpected === null ? bytes(bytesDone) : TEXTS.runs.expected(bytes(bytesDone), bytes(bytesExpected))}
          {bytesPerSecond !== null && ` · ${bytes(bytesPerSecond)}/s`}
          {secondsLeft !== null && ` · ${duration(secondsLeft)}`}
        </Text>
      </Group>
      <Progress value={share ?? 100} striped={share === null} size="sm" aria-label={`${TEXTS.runs.progress(vm)}, ${userdevice}`} />
    </div>
  )
}
