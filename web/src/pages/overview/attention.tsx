import { Anchor, Button, Group, Paper, Stack, Text, Title } from '@mantine/core'
import { CheckCircledIcon } from '@radix-ui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from 'react-router'
import { alertsQuery } from '../../api/queries.ts'
import type { Alert, Pool, Protection } from '../../api/types.ts'
import { duration, sentences } from '../../parts/measures.ts'
import { replicaPath } from '../../parts/paths.ts'
import { PoolBadge } from '../../parts/pool-badge.tsx'
import { ReplicaLink } from '../../parts/replica-link.tsx'
import { useMay } from '../../parts/rights.tsx'
import { StateBadge } from '../../parts/state-badge.tsx'
import { TEXTS } from '../../texts/en.ts'
import { useStartRun } from '../jobs/job-actions.tsx'

const T = TEXTS.overview
const FEW = 8
/** Those that states of VMs and pools do not tell. */
const ALERTS: readonly Alert['kind'][] = ['original-not-fenced', 'target-space', 'health-check-failed']

/** The worst first: missed before at risk, the longest overdue before others. */
export function Attention({ protections, pools }: { readonly protections: readonly Protection[]; readonly pools: readonly Pool[] }) {
  const [isWhole, setWhole] = useState(false)
  const alerts = useQuery(alertsQuery(true)).data?.items.filter(({ kind }) => ALERTS.includes(kind)) ?? []
  const start = useStartRun()
  const mayRun = useMay('operator')
  const troubled = pools.filter(({ state }) => state === 'away' || state === 'refused')
  const overdue = ({ achievedRpoSeconds, askedRpoSeconds }: Protection) => (achievedRpoSeconds ?? Infinity) / (askedRpoSeconds ?? 1)
  const worst = protections
    .filter(({ state }) => state === 'missed' || state === 'at-risk')
    .toSorted((a, b) => Number(b.state === 'missed') - Number(a.state === 'missed') || overdue(b) - overdue(a) || 0)
  const shown = isWhole ? worst : worst.slice(0, FEW)
  const isQuiet = worst.length === 0 && troubled.length === 0 && alerts.length === 0
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="attention">
      <Stack gap="sm">
        <Title order={2} size="h5" id="attention">
          {T.attention}
        </Title>
        {isQuiet && (
          <Group gap={6}>
            <CheckCircledIcon aria-hidden />
            <Text size="sm">{T.allWell}</Text>
          </Group>
        )}
        {troubled.map(({ id, name, state, error }) => (
          <Group key={id} gap="sm">
            <PoolBadge state={state} />
            <Anchor component={Link} to={`/settings/pools/${id}`} size="sm" fw={600}>
              {name}
            </Anchor>
            <Text size="sm">{error === null ? '' : sentences(error.message, error.hint)}</Text>
          </Group>
        ))}
        {alerts.map((alert) => (
          <Text size="sm" key={alert.id}>
            <b>{alert.subject}</b>: {sentences(alert.text, alert.hint)} <ReplicaLink vm={alert.vm} job={alert.job} />
          </Text>
        ))}
        {shown.map((one) => (
          <Group key={`${one.vm.uuid} ${one.job} ${one.target?.sr}`} justify="space-between" gap="xs">
            <Group gap="sm" maw="80%">
              <StateBadge state={one.state} />
              <Anchor component={Link} to={one.target === null ? '/replicas' : replicaPath(one.target, one.vm.uuid)} size="sm" fw={600}>
                {one.vm.name}
              </Anchor>
              {one.askedRpoSeconds !== null && (
                <Text size="sm" className="figures">
                  {T.rpo(duration(one.askedRpoSeconds), one.achievedRpoSeconds === null ? T.noPoint : duration(one.achievedRpoSeconds))}
                </Text>
              )}
              <Text size="sm">{one.lastError === null ? sentences(one.reason) : sentences(one.lastError.message, one.lastError.hint)}</Text>
            </Group>
            {mayRun && one.job !== null && (
              <Button size="compact-xs" variant="default" onClick={() => start({ job: one.job as string, vms: [one.vm.uuid] })}>
                {T.runNow}
              </Button>
            )}
          </Group>
        ))}
        {worst.length > FEW && !isWhole && (
          <Group>
            <Button size="compact-sm" variant="subtle" onClick={() => setWhole(true)}>
              {T.more(worst.length - FEW)}
            </Button>
          </Group>
        )}
      </Stack>
    </Paper>
  )
}
