/** One dialog for everything that is done with a replica: the choices, what would happen with them at this moment, and the name where it is grave. */
import { Button, Group, Stack, Table, Text, Title } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useMutation, useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { useNavigate } from 'react-router'
import { ApiProblem, post } from '../../api/client.ts'
import { restorePointsQuery } from '../../api/queries.ts'
import type { FailoverPreview, FailoverRequest } from '../../api/types.ts'
import { ConfirmName } from '../../parts/confirm-name.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { duration } from '../../parts/measures.ts'
import { activityPath } from '../../parts/paths.ts'
import { Preview } from '../../parts/preview.tsx'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { Told } from '../../parts/told.tsx'
import { useNames } from '../../parts/use-names.ts'
import { Waiting } from '../../parts/waiting.tsx'
import { TEXTS } from '../../texts/en.ts'
import { FailoverOptions } from './failover-options.tsx'
import { defaultsOf, type Kind, type Options, requestOf, type Subject } from './options.ts'

const T = TEXTS.failover
const GRAVE: readonly Kind[] = ['failover', 'planned-failover', 'undo-failover', 'reprotect', 'failback']

export interface FailoverDialogProps {
  readonly kind: Kind
  readonly subject: Subject
  readonly first?: Partial<Options>
  onClose(): void
}

export function FailoverDialog({ kind, subject, first = {}, onClose }: FailoverDialogProps) {
  const [options, setOptions] = useState<Options>({ ...defaultsOf(kind), ...first })
  const [typed, setTyped] = useState('')
  const [key] = useState(() => crypto.randomUUID())
  const names = useNames()
  const navigate = useNavigate()
  const { pool, sr } = subject.target
  const points = useQuery({ ...restorePointsQuery(pool, sr, subject.vm), enabled: kind !== 'clean-up' })
  const request = requestOf(kind, subject, options)
  const [settled] = useDebouncedValue(request, 300)
  const preview = useQuery({
    queryKey: ['failover-preview', settled],
    enabled: settled !== undefined,
    queryFn: ({ signal }) => post('/failover/preview', { body: settled as FailoverRequest, signal }),
    placeholderData: keepPreviousData,
    retry: false,
    staleTime: 0,
    gcTime: 0,
  })
  const start = useMutation({
    mutationFn: ({ of, shown }: { readonly of: FailoverRequest; readonly shown: FailoverPreview }) => {
      const confirmation = { agreed: shown.agreed, ...(shown.confirm === null ? {} : { confirm: typed }) }
      const header = { 'idempotency-key': `${key}-${shown.agreed}` }
      return post('/failover', { body: { ...of, ...confirmation }, header })
    },
    onSuccess: async ({ id }) => {
      onClose()
      await navigate(activityPath(id))
    },
    onError: (error) => {
      // Something else would happen by now: it is shown, to be agreed to.
      if (error instanceof ApiProblem && error.problem.code === 'PLAN_CHANGED') void preview.refetch()
    },
  })
  const shown = preview.error === null ? preview.data : undefined
  const isSettled = !preview.isPlaceholderData && !preview.isFetching && JSON.stringify(settled) === JSON.stringify(request)
  const isNamed = shown?.confirm === null || typed === shown?.confirm
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (request !== undefined && shown !== undefined) start.mutate({ of: request, shown })
  }
  return (
    <Dialog title={T.titles[kind](subject.name)} opened onClose={onClose} size="lg">
      <form onSubmit={submit}>
        <Stack>
          <FailoverOptions
            kind={kind}
            pool={pool}
            options={options}
            points={points.data ?? []}
            names={names}
            onChange={(part) => setOptions((before) => ({ ...before, ...part }))}
          />
          <ProblemNote error={preview.error} />
          {preview.isPending && preview.error === null && request !== undefined && <Waiting lines={4} />}
          {shown !== undefined && (
            <>
              <Preview of={shown} untouched={T.untouched[kind]} />
              <Facts preview={shown} />
              {shown.confirm !== null && <ConfirmName name={shown.confirm} typed={typed} onType={setTyped} />}
            </>
          )}
          <ProblemNote error={start.error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {TEXTS.actions.close}
            </Button>
            <Button
              type="submit"
              {...(GRAVE.includes(kind) ? { color: 'red' } : {})}
              disabled={shown === undefined || !isSettled || !isNamed}
              loading={start.isPending}
            >
              {T.go[kind]}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  )
}

function Facts({ preview: { point, lossSeconds, interfaces } }: { readonly preview: FailoverPreview }) {
  return (
    <>
      {point !== null && (
        <Text size="sm">
          <Told text={T.preview.point(point.takenAt)} />
          {lossSeconds !== null && lossSeconds >= 1 && ` ${T.preview.loss(duration(lossSeconds))}`}
        </Text>
      )}
      {interfaces.length > 0 && (
        <div>
          <Title order={3} size="h6">
            {T.preview.interfaces}
          </Title>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard */}
          <section className="scroll" aria-label={T.preview.interfaces} tabIndex={0}>
            <Table>
              <Table.Thead>
                <Table.Tr>
                  {T.preview.interfaceColumns.map((head) => (
                    <Table.Th key={head} scope="col">
                      {head}
                    </Table.Th>
                  ))}
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {interfaces.map(({ device, from, to, mac, reason }) => (
                  <Table.Tr key={device}>
                    <Table.Td>{device}</Table.Td>
                    <Table.Td>{from?.name ?? '–'}</Table.Td>
                    <Table.Td>{to?.name ?? T.preview.disconnected}</Table.Td>
                    <Table.Td>{mac ?? T.preview.newMac}</Table.Td>
                    <Table.Td>{reason.text}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </section>
        </div>
      )}
    </>
  )
}
