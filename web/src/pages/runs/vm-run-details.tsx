import { Badge, Group, Stack, Tabs, Text } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { vmRunQuery } from '../../api/queries.ts'
import type { DiskPlan, DiskReport, VmRunDetail } from '../../api/types.ts'
import { bytes, duration } from '../../parts/measures.ts'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { Waiting } from '../../parts/waiting.tsx'
import { TEXTS } from '../../texts/en.ts'

const T = TEXTS.runs

/** Plan with its reasons, and the log. @param state changes when there is more to see of it */
export function VmRunDetails({ id, state }: { readonly id: string; readonly state: string }) {
  const detail = useQuery({ ...vmRunQuery(id), staleTime: 0 })
  const client = useQueryClient()
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked for anew when the state changes
  useEffect(() => {
    void client.invalidateQueries({ queryKey: ['vm-run', id] })
  }, [client, id, state])
  if (detail.isPending) return <Waiting lines={3} />
  if (detail.data === undefined) return <ProblemNote error={detail.error} />
  return (
    <Tabs defaultValue="plan" keepMounted={false}>
      <Tabs.List>
        <Tabs.Tab value="plan">{T.plan}</Tabs.Tab>
        <Tabs.Tab value="log">{T.log}</Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="plan" pt="xs">
        <Plan detail={detail.data} />
      </Tabs.Panel>
      <Tabs.Panel value="log" pt="xs">
        <Log detail={detail.data} />
      </Tabs.Panel>
    </Tabs>
  )
}

function Plan({ detail: { plan, report } }: { readonly detail: VmRunDetail }) {
  if (plan === null) return <Text size="sm">{T.noPlan}</Text>
  const removals = plan.removals.filter(({ keptFor }) => keptFor === undefined || keptFor.length === 0)
  return (
    <Stack gap="xs">
      {plan.disks.map((disk) => (
        <Disk key={disk.userdevice} disk={disk} report={report?.disks.find(({ userdevice }) => userdevice === disk.userdevice)} />
      ))}
      <List title={T.vifs} lines={plan.vifs.map(({ device, mac, reason }) => `${device} (${mac}): ${reason.text}`)} />
      <List
        title={T.kept}
        lines={plan.retention.map(({ uuid, keep, reason }) => `${keep ? T.keeps : T.removes} ${uuid.slice(0, 8)}…: ${reason}`)}
      />
      <List title={T.removals} lines={removals.map(({ name, side, reason }) => `${name} (${side}): ${reason}`)} />
    </Stack>
  )
}

function Disk({ disk, report }: { readonly disk: DiskPlan; readonly report: DiskReport | undefined }) {
  const reasons = [disk.reason, ...(disk.choice === undefined ? [] : [disk.choice.reason])]
  const texts = [...new Set(reasons.map(({ text }) => text))]
  const mode = report?.mode ?? disk.mode
  return (
    <div>
      <Group gap="xs">
        <Text size="sm" fw={600}>
          {T.disk(disk.userdevice, disk.name)}
        </Text>
        <Badge variant="light" color={mode === 'full' ? 'yellow' : 'gray'} tt="none">
          {T.mode[mode]}
        </Badge>
        {report !== undefined && mode !== 'skipped' && (
          <Text size="xs" c="dimmed" className="figures">
            {T.changed} {bytes(report.changedBytes)} · {T.sent} {bytes(report.bytesSent)} · {duration(report.seconds)}
            {report.verify !== undefined && ` · ${T.verified(report.verify.equal)}`}
          </Text>
        )}
      </Group>
      {texts.map((text) => (
        <Text size="sm" key={text}>
          {text}
        </Text>
      ))}
      {reasons.map(({ avoid }) => avoid).find((avoid) => avoid !== undefined) !== undefined && (
        <Text size="xs" c="dimmed">
          {T.avoid}: {reasons.map(({ avoid }) => avoid).find((avoid) => avoid !== undefined)}
        </Text>
      )}
      {report?.fallbacks.map(({ code, text }) => (
        <Text size="xs" c="dimmed" key={code}>
          {T.fallback}: {text}
        </Text>
      ))}
    </div>
  )
}

function List({ title, lines }: { readonly title: string; readonly lines: readonly string[] }) {
  if (lines.length === 0) return null
  return (
    <div>
      <Text size="sm" fw={600}>
        {title}
      </Text>
      {lines.map((line) => (
        <Text size="xs" key={line}>
          {line}
        </Text>
      ))}
    </div>
  )
}

function Log({ detail: { log } }: { readonly detail: VmRunDetail }) {
  if (log.length === 0) return <Text size="sm">{T.noLog}</Text>
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
    <section className="scroll tall" aria-label={T.log} tabIndex={0}>
      <pre className="log">
        {log.map(({ at, level, text }, nth) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: lines only come after others
          <span data-level={level} key={nth}>
            {`${new Date(at).toLocaleTimeString()}  ${text}\n`}
          </span>
        ))}
      </pre>
    </section>
  )
}
