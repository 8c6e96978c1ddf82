/** The first copy outside the network path: the documented procedure, step by step, each with what shows that it worked. */
import { Alert, Button, Group, SegmentedControl, Select, Stack, Text } from '@mantine/core'
import { CheckCircledIcon, InfoCircledIcon } from '@radix-ui/react-icons'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { useSearchParams } from 'react-router'
import { seedActivitiesQuery, seedStateQuery } from '../../api/queries.ts'
import type { Job, Protection, Target } from '../../api/types.ts'
import { Empty } from '../../parts/empty.tsx'
import { sentences } from '../../parts/measures.ts'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { useMay } from '../../parts/rights.tsx'
import { Told } from '../../parts/told.tsx'
import { useNames } from '../../parts/use-names.ts'
import { TEXTS } from '../../texts/en.ts'
import { useStartRun } from '../jobs/job-actions.tsx'
import { SeedByFolder } from './seed-by-folder.tsx'
import { SeedByHand } from './seed-by-hand.tsx'
import { Step } from './step.tsx'

const T = TEXTS.seeds

/** What a seed is made for. */
export interface Chain {
  readonly job: Job
  readonly schedule: string | undefined
  readonly pool: string
  readonly vm: { readonly uuid: string; readonly name: string }
  readonly target: Target
  /** Time of its newest restore point; null: it has none. */
  readonly newest: string | null
}

const keyOf = (one: Protection) => `${one.vm.uuid} ${one.target?.pool} ${one.target?.sr}`

export function SeedTab({ job, protections }: { readonly job: Job; readonly protections: readonly Protection[] }) {
  const [parameters, setParameters] = useSearchParams()
  const names = useNames()
  const mayAct = useMay('operator')
  const set = (key: string, value: string) => {
    const changed = new URLSearchParams(parameters)
    changed.set(key, value)
    setParameters(changed, { replace: true })
  }
  // Those without a restore point are what a seed is for.
  const chains = protections
    .filter(({ target }) => target !== null)
    .toSorted((a, b) => Number(a.newestPoint !== null) - Number(b.newestPoint !== null) || a.vm.name.localeCompare(b.vm.name))
  const chosen = chains.find((one) => keyOf(one) === parameters.get('seed')) ?? chains[0]
  const way = parameters.get('way') === 'hand' ? 'hand' : 'folder'
  if (chosen === undefined || chosen.target === null) return <Empty text={TEXTS.jobs.noVm} />
  const chain: Chain = {
    job,
    schedule: job.schedules[0]?.id,
    pool: chosen.sourcePool,
    vm: chosen.vm,
    target: chosen.target,
    newest: chosen.newestPoint?.takenAt ?? null,
  }
  return (
    <Stack>
      <Text size="sm">{T.text}</Text>
      <Group align="flex-end">
        <Select
          label={T.vm}
          w={420}
          maw="100%"
          searchable
          allowDeselect={false}
          data={chains.map((one) => ({
            value: keyOf(one),
            label: `${one.vm.name} → ${one.target === null ? '' : names.target(one.target)}${one.newestPoint === null ? '' : ` (${T.hasPoint})`}`,
          }))}
          value={keyOf(chosen)}
          onChange={(value) => value !== null && set('seed', value)}
        />
        <SegmentedControl
          aria-label={T.way}
          value={way}
          onChange={(value) => set('way', value)}
          data={(['folder', 'hand'] as const).map((value) => ({ value, label: T.ways[value] }))}
          transitionDuration={0}
        />
      </Group>
      {job.enabled && chosen.newestPoint === null && (
        <Alert color="yellow" variant="light" icon={<InfoCircledIcon aria-hidden />} title={T.isEnabled}>
          {T.isEnabledText}
        </Alert>
      )}
      {chosen.newestPoint !== null && (
        <Alert color="blue" variant="light" icon={<InfoCircledIcon aria-hidden />} title={T.hasPointTitle}>
          {T.hasPointText}
        </Alert>
      )}
      {!mayAct ? (
        <Text size="sm">{T.noRight}</Text>
      ) : way === 'folder' ? (
        <SeedByFolder key={keyOf(chosen)} chain={chain} />
      ) : (
        <SeedByHand key={keyOf(chosen)} chain={chain} />
      )}
    </Stack>
  )
}

/** The last step of both ways: the first delta. */
export function FirstDelta({ chain, nth }: { readonly chain: Chain; readonly nth: number }) {
  const { job, vm, target, newest } = chain
  // Whoever starts the replica or writes to it changes it, and so does each run.
  const state = useQuery({ ...seedStateQuery(job.id, vm.uuid, target.pool, target.sr), staleTime: 0, refetchOnWindowFocus: 'always' })
  const client = useQueryClient()
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked for anew when there is another restore point
  useEffect(() => void client.invalidateQueries({ queryKey: ['seeds', 'state'] }), [client, newest])
  const start = useStartRun()
  const stands = state.data?.state
  return (
    <Step nth={nth} title={T.run} isDone={stands === 'used'}>
      <Text size="sm">{T.runText}</Text>
      <ProblemNote error={state.error} />
      {state.data !== undefined && (
        <Alert
          variant="light"
          color={stands === 'fresh' || stands === 'used' ? 'teal' : stands === 'none' ? 'gray' : 'yellow'}
          icon={stands === 'fresh' || stands === 'used' ? <CheckCircledIcon aria-hidden /> : <InfoCircledIcon aria-hidden />}
          title={T.states[state.data.state]}
        >
          <Text size="sm">
            <Told text={sentences(state.data.text)} />
          </Text>
          {state.data.hint !== '' && <Text size="sm">{sentences(state.data.hint)}</Text>}
        </Alert>
      )}
      {stands !== undefined && stands !== 'none' && (
        <Group>
          <Button onClick={() => start({ job: job.id, vms: [vm.uuid] })}>{TEXTS.jobs.runNow}</Button>
        </Group>
      )}
    </Step>
  )
}

/** Those that were made for it, newest first; what is made of the VM alone serves every job and target. */
export function useSeedActivities({ job, pool, vm, target }: Chain) {
  const all = useQuery(seedActivitiesQuery(vm.uuid)).data ?? []
  return all.filter(
    ({ subject }) =>
      (subject.sourcePool === null || subject.sourcePool === pool) &&
      (subject.job === null || subject.job === job.id) &&
      (subject.target === null || (subject.target.pool === target.pool && (subject.target.sr === '' || subject.target.sr === target.sr))),
  )
}
