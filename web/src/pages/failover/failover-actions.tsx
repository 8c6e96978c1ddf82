/** What can be done with a replica, ordered by gravity; and how it stands when that is not the usual. */
import { Alert, Badge, Button, Group, Menu, Stack, Text } from '@mantine/core'
import { ChevronDownIcon, ExclamationTriangleIcon, SwitchIcon } from '@radix-ui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from 'react-router'
import { failoverStatusQuery } from '../../api/queries.ts'
import type { FailoverStatus } from '../../api/types.ts'
import { Age } from '../../parts/age.tsx'
import { CopyId } from '../../parts/copy-id.tsx'
import { activityPath } from '../../parts/paths.ts'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { useMay } from '../../parts/rights.tsx'
import { TEXTS } from '../../texts/en.ts'
import { FailoverDialog } from './failover-dialog.tsx'
import type { Kind, Options, Subject } from './options.ts'

const T = TEXTS.failover
/** From light to grave. */
const ORDER: readonly Kind[] = ['clone', 'test-failover', 'fence', 'planned-failover', 'failover', 'reprotect', 'failback', 'undo-failover']
const GRAVE: readonly Kind[] = ['planned-failover', 'failover', 'reprotect', 'failback', 'undo-failover']

export interface Doing {
  readonly kind: Kind
  readonly subject: Subject
  readonly first?: Partial<Options>
}

/** The dialog of what was chosen, and how to choose. */
export function useDoing() {
  const [doing, setDoing] = useState<Doing>()
  const dialog = doing === undefined ? null : <FailoverDialog {...doing} onClose={() => setDoing(undefined)} />
  return { dialog, choose: setDoing }
}

/** Which of them makes sense is told by the server; before it has, the usual ones are offered. */
const USUAL: readonly Kind[] = ['clone', 'test-failover', 'planned-failover', 'failover']

export function FailoverButtons({
  subject,
  status,
  choose,
}: {
  readonly subject: Subject
  readonly status: FailoverStatus | undefined
  choose(doing: Doing): void
}) {
  const mayAct = useMay('operator')
  if (!mayAct) return null
  const possible = ORDER.filter((kind) => (status?.possible ?? USUAL).includes(kind))
  const isBusy = status !== undefined && status.underWay !== null
  const light = possible.filter((kind) => !GRAVE.includes(kind))
  const grave = possible.filter((kind) => GRAVE.includes(kind))
  const of = (kind: Kind): Subject => {
    if (kind === 'fence' && status?.sourcePool) return { ...subject, sourcePool: status.sourcePool }
    const failedOver = status?.failedOver[0]?.uuid
    return ['reprotect', 'failback', 'undo-failover'].includes(kind) && failedOver !== undefined ? { ...subject, failedOver } : subject
  }
  return (
    <Group gap="xs">
      {light.map((kind) => (
        <Button key={kind} variant="default" disabled={isBusy} onClick={() => choose({ kind, subject: of(kind) })}>
          {T.actions[kind]}
        </Button>
      ))}
      {grave.length > 0 && (
        <Menu position="bottom-end" transitionProps={{ duration: 0 }} disabled={isBusy}>
          <Menu.Target>
            <Button
              color="red"
              variant="light"
              disabled={isBusy}
              rightSection={<ChevronDownIcon aria-hidden />}
              leftSection={<SwitchIcon aria-hidden />}
            >
              {T.menu}
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            {grave.map((kind) => (
              <Menu.Item key={kind} onClick={() => choose({ kind, subject: of(kind) })}>
                <Text size="sm">{T.actions[kind]}</Text>
                <Text size="xs" c="dimmed">
                  {T.inShort[kind]}
                </Text>
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      )}
    </Group>
  )
}

export function useFailoverStatus(subject: Subject) {
  const status = useQuery(failoverStatusQuery(subject.vm))
  const { pool, sr } = subject.target
  const own = status.data?.filter((one) => one.target.pool === pool && one.target.sr === sr) ?? []
  return { status: own.find((one) => subject.job === undefined || one.job === subject.job) ?? own[0], error: status.error }
}

export function FailoverState({
  subject,
  status,
  error,
  choose,
}: {
  readonly subject: Subject
  readonly status: FailoverStatus | undefined
  readonly error: Error | null
  choose(doing: Doing): void
}) {
  const mayAct = useMay('operator')
  if (status === undefined) return <ProblemNote error={error} />
  const { failedOver, tests, unfinished, underWay, startedByOtherMeans, source } = status
  const act = (kind: Kind, more: Partial<Subject> = {}, first: Partial<Options> = {}) =>
    choose({ kind, subject: { ...subject, ...more }, first })
  return (
    <Stack gap="sm">
      {underWay !== null && (
        <Alert color="blue" variant="light" icon={<SwitchIcon aria-hidden />} title={T.state.underWay}>
          <Link to={activityPath(underWay)}>{T.state.look}</Link>
        </Alert>
      )}
      {unfinished !== null && (
        <Alert color="yellow" variant="light" icon={<ExclamationTriangleIcon aria-hidden />} title={T.state.unfinished}>
          <Text size="sm">{unfinished.text}</Text>
          {mayAct && underWay === null && (
            <Group gap="xs" mt="xs">
              <Button size="compact-sm" color="red" onClick={() => act(unfinished.goOn)}>
                {T.state.goOn}
              </Button>
              <Button size="compact-sm" variant="default" onClick={() => act(unfinished.undo)}>
                {T.actions['undo-failover']}
              </Button>
            </Group>
          )}
        </Alert>
      )}
      {failedOver.map((one) => (
        <Alert
          color="violet"
          variant="light"
          icon={<SwitchIcon aria-hidden />}
          key={one.uuid}
          title={T.state.failedOver(one.kind, one.clone)}
        >
          <Group gap="xs">
            <Text size="sm" fw={600}>
              {one.name}
            </Text>
            <Badge variant="light" color="gray" tt="none">
              {one.powerState}
            </Badge>
            <Text size="sm">{T.state.over[one.state]}</Text>
            <Text size="sm">
              <Age time={one.at} />
            </Text>
            <CopyId id={one.uuid} of={one.name} />
          </Group>
          {source?.handedOver === 'handed-over' && <Text size="sm">{T.state.handedOver}</Text>}
          {status.possible.includes('fence') && <Text size="sm">{T.state.notFenced}</Text>}
          {source?.powerState === 'Running' && one.state === 'active' && !one.clone && <Text size="sm">{T.state.doubled}</Text>}
        </Alert>
      ))}
      {startedByOtherMeans && failedOver.length === 0 && (
        <Alert color="yellow" variant="light" icon={<ExclamationTriangleIcon aria-hidden />} title={T.state.startedByHand}>
          <Text size="sm">{T.state.startedByHandText}</Text>
          {mayAct && (
            <Button size="compact-sm" mt="xs" color="red" onClick={() => act('failover', {}, { asItRuns: true })}>
              {T.state.asItRuns}
            </Button>
          )}
        </Alert>
      )}
      {tests.length > 0 && (
        <Alert color="blue" variant="light" title={T.state.tests(tests.length)}>
          {tests.map((test) => (
            <Group key={test.uuid} gap="xs">
              <Text size="sm">{test.name}</Text>
              <Badge variant="light" color="gray" tt="none">
                {test.powerState}
              </Badge>
              <Text size="sm">
                <Age time={test.at} />
              </Text>
              {mayAct && (
                <Button
                  size="compact-xs"
                  variant="default"
                  disabled={underWay !== null}
                  onClick={() => act('clean-up', { test: test.test })}
                  aria-label={T.state.cleanUpOf(test.name)}
                >
                  {T.actions['clean-up']}
                </Button>
              )}
            </Group>
          ))}
        </Alert>
      )}
    </Stack>
  )
}
