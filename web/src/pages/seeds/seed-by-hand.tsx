/** With a copy that was made by any means: snapshot, copy, check, link. */
import { ActionIcon, Alert, Autocomplete, Button, Code, CopyButton, Group, Radio, Select, Stack, Text } from '@mantine/core'
import { CheckCircledIcon, CheckIcon, CopyIcon, CrossCircledIcon } from '@radix-ui/react-icons'
import { type UseQueryResult, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { post } from '../../api/client.ts'
import { seedSnapshotsQuery } from '../../api/queries.ts'
import type { Activity, SeedCheck, SeedSnapshot } from '../../api/types.ts'
import { bytes, relative, sentences } from '../../parts/measures.ts'
import { Reasons } from '../../parts/preview.tsx'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { Told } from '../../parts/told.tsx'
import { useNames } from '../../parts/use-names.ts'
import { useNow } from '../../parts/use-now.ts'
import { TEXTS } from '../../texts/en.ts'
import { InlineActivity } from './inline-activity.tsx'
import { type Chain, FirstDelta, useSeedActivities } from './seed-tab.tsx'
import { Step } from './step.tsx'

const T = TEXTS.seeds
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
type Mode = keyof typeof T.checkModes

export function SeedByHand({ chain }: { readonly chain: Chain }) {
  const { job, schedule, pool, vm, target } = chain
  const client = useQueryClient()
  const names = useNames()
  const activities = useSeedActivities(chain)
  const [chosen, setSnapshot] = useState<string>()
  const [copy, setCopy] = useState('')
  const [mode, setMode] = useState<Mode>('sample')
  const linked = activities.find(({ kind }) => kind === 'seed-link')
  // Others make snapshots without this server: what it knows is looked at anew whenever somebody looks.
  const snapshots = useQuery({ ...seedSnapshotsQuery(pool, vm.uuid), staleTime: 0, refetchOnWindowFocus: 'always' })
  const taken = activities.find(({ kind }) => kind === 'seed-snapshot')
  const fresh = taken?.result?.kind === 'seed-snapshot' ? taken.result.snapshot : undefined
  const usable = snapshots.data?.filter((one) => one.usable).map(({ uuid }) => uuid) ?? []
  const snapshot = chosen ?? usable.find((uuid) => uuid === fresh) ?? null
  const request = {
    pool,
    snapshot: snapshot ?? '',
    job: job.id,
    targetPool: target.pool,
    copy: copy.trim(),
    ...(schedule === undefined ? {} : { schedule }),
  }
  const isWhole = snapshot !== null && UUID.test(request.copy)
  const check = useQuery({
    queryKey: ['seeds', 'check', request],
    queryFn: () => post('/seeds/check', { body: request }),
    enabled: isWhole,
    retry: false,
    staleTime: 5_000,
  })
  const link = useMutation({
    mutationFn: () => post('/seeds/links', { body: { ...request, check: mode }, header: { 'idempotency-key': crypto.randomUUID() } }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['activities', 'list'] }),
  })
  const candidates = names.vms.filter((one) => one.pool === target.pool && one.powerState === 'Halted' && one.replicaOf === null)
  return (
    <>
      <TakeSnapshot chain={chain} snapshots={snapshots} taken={taken} chosen={snapshot} choose={setSnapshot} />
      <Step nth={2} title={T.copy} isDone={UUID.test(request.copy)}>
        <Text size="sm">{T.copyText}</Text>
        <Command
          text={`xe snapshot-export-to-template snapshot-uuid=${snapshot ?? 'SNAPSHOT'} filename=/mnt/usb/${vm.uuid.slice(0, 8)}.xva`}
        />
        <Command text={`xe vm-import filename=/mnt/usb/${vm.uuid.slice(0, 8)}.xva sr-uuid=${target.sr}`} />
        <Autocomplete
          label={T.copyUuid}
          description={T.copyHint}
          w={420}
          maw="100%"
          data={candidates.map(({ uuid }) => uuid)}
          renderOption={({ option }) => `${candidates.find(({ uuid }) => uuid === option.value)?.name ?? ''} ${option.value}`}
          value={copy}
          onChange={setCopy}
        />
      </Step>
      <Step nth={3} title={T.link} isDone={linked?.state === 'done'}>
        <Text size="sm">{T.linkText}</Text>
        {!isWhole && <Text size="sm">{T.linkNeeds}</Text>}
        <ProblemNote error={check.error} />
        {check.data !== undefined && isWhole && <Checked result={check.data} />}
        {isWhole && (check.error !== null || check.data?.kind === 'refused') && (
          <Group>
            <Button size="compact-sm" variant="default" loading={check.isFetching} onClick={() => void check.refetch()}>
              {T.checkAgain}
            </Button>
          </Group>
        )}
        <Radio.Group label={T.compare} value={mode} onChange={(value) => setMode(value as Mode)}>
          <Stack gap={6} mt={4}>
            {Object.entries(T.checkModes).map(([value, label]) => (
              <Radio key={value} value={value} label={label} />
            ))}
          </Stack>
        </Radio.Group>
        <ProblemNote error={link.error} />
        <Group>
          <Button
            disabled={
              !isWhole || check.data === undefined || check.data.kind === 'refused' || (linked !== undefined && linked.endedAt === null)
            }
            loading={link.isPending}
            onClick={() => link.mutate()}
          >
            {T.linkGo}
          </Button>
        </Group>
        <InlineActivity activity={linked} />
      </Step>
      <FirstDelta chain={chain} nth={4} />
    </>
  )
}

function TakeSnapshot({
  chain: { pool, vm },
  snapshots,
  taken,
  chosen,
  choose,
}: {
  readonly chain: Chain
  readonly snapshots: UseQueryResult<readonly SeedSnapshot[]>
  readonly taken: Activity | undefined
  readonly chosen: string | null
  choose(uuid: string): void
}) {
  const client = useQueryClient()
  const now = useNow()
  const take = useMutation({
    mutationFn: () => post('/seeds/snapshots', { body: { pool, vm: vm.uuid }, header: { 'idempotency-key': crypto.randomUUID() } }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['activities', 'list'] }),
  })
  const unusable = snapshots.data?.filter(({ usable }) => !usable) ?? []
  return (
    <Step nth={1} title={T.snapshot} isDone={chosen !== null}>
      <Text size="sm">{T.snapshotText}</Text>
      <Group align="flex-end">
        <Select
          label={T.snapshotLabel}
          w={420}
          maw="100%"
          placeholder={T.noSnapshot}
          data={(snapshots.data ?? []).map(({ uuid, name, takenAt, usable }) => ({
            value: uuid,
            label: `${name}, ${relative(takenAt, now)}`,
            disabled: !usable,
          }))}
          value={chosen}
          allowDeselect={false}
          onDropdownOpen={() => void snapshots.refetch()}
          onChange={(uuid) => uuid !== null && choose(uuid)}
        />
        <Button
          variant="default"
          loading={take.isPending}
          disabled={taken !== undefined && taken.endedAt === null}
          onClick={() => take.mutate()}
        >
          {T.takeSnapshot}
        </Button>
      </Group>
      {unusable.map(({ uuid, name, reason }) => (
        <Text size="xs" c="dimmed" key={uuid}>
          {name}: {reason}
        </Text>
      ))}
      <ProblemNote error={snapshots.error ?? take.error} />
      <InlineActivity activity={taken} />
    </Step>
  )
}

function Checked({ result: { kind, text, hint, disks, warnings } }: { readonly result: SeedCheck }) {
  const isRefused = kind === 'refused'
  return (
    <Alert
      variant="light"
      color={isRefused ? 'red' : 'teal'}
      icon={isRefused ? <CrossCircledIcon aria-hidden /> : <CheckCircledIcon aria-hidden />}
      title={T.checked[kind]}
    >
      <Text size="sm">
        <Told text={sentences(text)} />
      </Text>
      {hint !== '' && <Text size="sm">{sentences(hint)}</Text>}
      {disks.length > 0 && (
        <Text size="sm">
          {disks.map(({ userdevice, name, size }) => `${TEXTS.runs.disk(userdevice, name)}, ${bytes(size)}`).join(' · ')}
        </Text>
      )}
      {warnings.length > 0 && <Reasons reasons={warnings} />}
    </Alert>
  )
}

function Command({ text }: { readonly text: string }) {
  return (
    <Group gap={4} wrap="nowrap">
      <Code block className="command">
        {text}
      </Code>
      <CopyButton value={text}>
        {({ copied, copy }) => (
          <ActionIcon variant="subtle" color={copied ? 'teal' : 'gray'} onClick={copy} aria-label={T.copyCommand}>
            {copied ? <CheckIcon /> : <CopyIcon />}
          </ActionIcon>
        )}
      </CopyButton>
    </Group>
  )
}
