import { Button, Group } from '@mantine/core'
import { Link } from 'react-router'
import type { Protection } from '../../api/types.ts'
import { useMay } from '../../parts/rights.tsx'
import { TEXTS } from '../../texts/en.ts'
import { useStartRun } from './job-actions.tsx'

/** What is done with a VM most: replicate it now, or when no job has it, make one. */
export function VmAction({ of: { vm, job, state, sourcePool } }: { readonly of: Protection }) {
  const start = useStartRun()
  const mayRun = useMay('operator')
  const mayChange = useMay('administrator')
  if (job === null) {
    if (!mayChange) return null
    return (
      <Group justify="flex-end">
        <Button
          size="compact-xs"
          variant="default"
          component={Link}
          to={`/jobs/new?vm=${sourcePool}/${vm.uuid}`}
          aria-label={TEXTS.replicas.protectOf(vm.name)}
        >
          {TEXTS.replicas.protect}
        </Button>
      </Group>
    )
  }
  if (!mayRun || state === 'failed-over') return null
  return (
    <Group justify="flex-end">
      <Button size="compact-xs" variant="default" aria-label={TEXTS.replicas.runOf(vm.name)} onClick={() => start({ job, vms: [vm.uuid] })}>
        {TEXTS.jobs.runNow}
      </Button>
    </Group>
  )
}
