/** What somebody has to look at, the gravest first: what happened, what to do, and a way there. */
import { Anchor, Badge, Button, Group, Paper, Stack, Text, Title } from '@mantine/core'
import { CheckCircledIcon, ExclamationTriangleIcon } from '@radix-ui/react-icons'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Link } from 'react-router'
import { alertsQuery } from '../../api/queries.ts'
import type { Alert, Pool, Protection } from '../../api/types.ts'
import { duration, sentences } from '../../parts/measures.ts'
import { alertPath, replicaPath } from '../../parts/paths.ts'
import { PoolBadge } from '../../parts/pool-badge.tsx'
import { ReplicaLink } from '../../parts/replica-link.tsx'
import { useMay } from '../../parts/rights.tsx'
import { StateBadge } from '../../parts/state-badge.tsx'
import { TEXTS } from '../../texts/en.ts'
import { useStartRun } from '../jobs/job-actions.tsx'
import { byGravity, otherAlerts, poolsInTrouble } from './verdict.ts'

const T = TEXTS.overview
const FEW = 8

export function Attention({ protections, pools }: { readonly protections: readonly Protection[]; readonly pools: readonly Pool[] }) {
  const alerts = otherAlerts(useQuery(alertsQuery(true)).data?.items ?? [])
  const troubled = poolsInTrouble(pools)
  const overdue = ({ achievedRpoSeconds, askedRpoSeconds }: Protection) => (achievedRpoSeconds ?? Infinity) / (askedRpoSeconds ?? 1)
  const worst = protections
    .filter(({ state }) => state === 'missed' || state === 'at-risk' || state === 'failed-over')
    .toSorted((a, b) => byGravity(a.state, b.state) || overdue(b) - overdue(a) || 0)
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="attention">
      <Stack gap="sm">
        <Title order={2} size="h5" id="attention">
          {T.attention}
        </Title>
        {worst.length + troubled.length + alerts.length === 0 ? (
          <Group gap={6}>
            <CheckCircledIcon aria-hidden className="sign-good" />
            <Text size="sm">{T.allWell}</Text>
          </Group>
        ) : (
          <ul className="attention">
            {alerts.map((alert) => (
              <AlertRow key={alert.id} alert={alert} protections={protections} />
            ))}
            {troubled.map((pool) => (
              <PoolRow key={pool.id} pool={pool} />
            ))}
            {worst.slice(0, FEW).map((one) => (
              <VmRow key={`${one.vm.uuid} ${one.job} ${one.target?.pool} ${one.target?.sr}`} of={one} />
            ))}
          </ul>
        )}
        {worst.length > FEW && (
          <Anchor component={Link} to="/replicas?state=attention" size="sm">
            {T.more(worst.length - FEW)}
          </Anchor>
        )}
      </Stack>
    </Paper>
  )
}

function Row(props: { readonly badge: ReactNode; readonly of: ReactNode; readonly what: ReactNode; readonly act?: ReactNode }) {
  return (
    <li>
      <span className="kind">{props.badge}</span>
      <span className="of wrap">{props.of}</span>
      <Text size="sm" component="span" className="what wrap">
        {props.what}
      </Text>
      <span className="act">{props.act}</span>
    </li>
  )
}

function AlertRow({ alert, protections }: { readonly alert: Alert; readonly protections: readonly Protection[] }) {
  const { kind, subject, text, hint } = alert
  return (
    <Row
      badge={
        <Badge
          variant="light"
          color="yellow"
          leftSection={<ExclamationTriangleIcon width={12} height={12} aria-hidden />}
          tt="none"
          fw={600}
        >
          {T.alertKinds[kind]}
        </Badge>
      }
      of={
        <Anchor component={Link} to={alertPath(alert, protections)} size="sm" fw={600}>
          {subject}
        </Anchor>
      }
      what={sentences(text, hint)}
      act={<ReplicaLink vm={alert.vm} job={alert.job} />}
    />
  )
}

function PoolRow({ pool: { id, name, state, error } }: { readonly pool: Pool }) {
  return (
    <Row
      badge={<PoolBadge state={state} />}
      of={
        <Anchor component={Link} to={`/settings/pools/${id}`} size="sm" fw={600}>
          {name}
        </Anchor>
      }
      what={error === null ? '' : sentences(error.message, error.hint)}
    />
  )
}

function VmRow({ of: one }: { readonly of: Protection }) {
  const start = useStartRun()
  const mayRun = useMay('operator')
  const { vm, job, state, target, askedRpoSeconds, achievedRpoSeconds, lastError, reason } = one
  const path = target === null ? `/replicas?vm=${vm.uuid}` : replicaPath(target, vm.uuid)
  const isOver = state === 'failed-over'
  return (
    <Row
      badge={<StateBadge state={state} />}
      of={
        <Anchor component={Link} to={path} size="sm" fw={600}>
          {vm.name}
        </Anchor>
      }
      what={
        <>
          {askedRpoSeconds !== null && lastError !== null && !isOver && (
            <b className="figures">
              {T.rpo(duration(askedRpoSeconds), achievedRpoSeconds === null ? T.noPoint : duration(achievedRpoSeconds))}.{' '}
            </b>
          )}
          {isOver ? sentences(reason, T.overHint) : lastError === null ? sentences(reason) : sentences(lastError.message, lastError.hint)}
        </>
      }
      act={
        isOver ? (
          <Button size="compact-xs" variant="default" component={Link} to={path} aria-label={T.openReplica(vm.name)}>
            {T.open}
          </Button>
        ) : (
          mayRun &&
          job !== null && (
            <Button size="compact-xs" variant="default" onClick={() => start({ job, vms: [vm.uuid] })}>
              {T.runNow}
            </Button>
          )
        )
      }
    />
  )
}
