/** What came of an activity, in words and figures. */
import { Alert, Anchor, Group, List, Stack, Text } from '@mantine/core'
import { CheckCircledIcon, CrossCircledIcon, ExclamationTriangleIcon } from '@radix-ui/react-icons'
import type { ReactNode } from 'react'
import { Link } from 'react-router'
import type { Activity, ActivityResult, Evidence, PlanVmResult, Reason } from '../../api/types.ts'
import { CopyId } from '../../parts/copy-id.tsx'
import { bytes, duration, exact, lossOf } from '../../parts/measures.ts'
import { replicaPath } from '../../parts/paths.ts'
import { Reasons } from '../../parts/preview.tsx'
import { ReplicaLink } from '../../parts/replica-link.tsx'
import { type Column, Rows } from '../../parts/rows.tsx'
import { TEXTS } from '../../texts/en.ts'
import { isBad } from './activity-badge.tsx'

const T = TEXTS.activities.result
type Fact = readonly [name: string, value: ReactNode]

export function ActivityOutcome({ activity }: { readonly activity: Activity }) {
  const { result } = activity
  if (result === null) return null
  const bad = isBad(activity)
  const { title, facts, evidence = [], lost = [], warnings = [] } = told(result)
  return (
    <Stack gap="sm">
      <Alert
        color={bad ? 'red' : 'teal'}
        variant="light"
        icon={bad ? <CrossCircledIcon aria-hidden /> : <CheckCircledIcon aria-hidden />}
        title={title}
      >
        <dl className="facts">
          {facts.map(([name, value]) => (
            <div key={name} className="pair">
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      </Alert>
      {evidence.length > 0 && <EvidenceTable evidence={evidence} />}
      {lost.length > 0 && (
        <Alert color="red" variant="light" icon={<ExclamationTriangleIcon aria-hidden />} title={TEXTS.failover.preview.lost}>
          <Reasons reasons={lost} />
        </Alert>
      )}
      {warnings.length > 0 && (
        <Alert color="yellow" variant="light" icon={<ExclamationTriangleIcon aria-hidden />} title={TEXTS.failover.preview.warnings}>
          <Reasons reasons={warnings} />
        </Alert>
      )}
      {result.kind === 'plan' && (
        <Rows label={T.planVms} columns={PLAN_COLUMNS} rows={result.vms} keyOf={({ group, vm }) => `${group} ${vm}`} />
      )}
      <Where {...activity.subject} />
    </Stack>
  )
}

function Where({ vm, target, job }: Activity['subject']) {
  if (vm === null || target === null) return null
  // Not each kind is about one storage repository.
  if (target.sr === '') return <ReplicaLink vm={vm.uuid} job={job} />
  return (
    <Group>
      <Anchor component={Link} to={replicaPath(target, vm.uuid)} size="sm">
        {TEXTS.replicas.of(vm.name)}
      </Anchor>
    </Group>
  )
}

interface Told {
  readonly title: string
  readonly facts: readonly Fact[]
  readonly evidence?: readonly Evidence[]
  readonly lost?: readonly Reason[]
  readonly warnings?: readonly Reason[]
}

const vmFact = ({ uuid, name }: { readonly uuid: string; readonly name: string }): Fact => [
  T.vm,
  <Group key={uuid} gap={6}>
    {name} <CopyId id={uuid} of={name} />
  </Group>,
]
const pointFact = ({ takenAt }: { readonly takenAt: string }): Fact => [T.point, exact(takenAt)]
const addressFact = (addresses: readonly string[]): readonly Fact[] => (addresses.length === 0 ? [] : [[T.addresses, addresses.join(', ')]])

function told(result: ActivityResult): Told {
  switch (result.kind) {
    case 'verify':
      return {
        title: result.equal ? T.equal : T.different,
        facts: [
          [T.how, result.mode],
          [T.what, result.text],
        ],
      }
    case 'clone':
      return { title: T.cloned, facts: [vmFact(result.vm), pointFact(result.point), [T.took, duration(result.seconds)]] }
    case 'test-failover': {
      const { vm, point, rtoSeconds, lossSeconds, removed, addresses, evidence, warnings, outcome } = result
      const facts: Fact[] = [
        ...(vm === null ? [] : [vmFact(vm)]),
        pointFact(point),
        [T.rto, duration(rtoSeconds)],
        [T.wouldLose, lossOf(lossSeconds)],
        ...addressFact(addresses),
        [T.after, removed ? T.removed : T.kept],
      ]
      return { title: outcome === 'ready' ? T.ready : T.notReady, facts, evidence, warnings }
    }
    case 'clean-up':
      return {
        title: T.cleaned,
        facts: [
          [T.vms, String(result.vms.length)],
          [T.networks, String(result.networks.length)],
        ],
      }
    case 'fence':
      return {
        title: result.running.length === 0 ? T.fenced : T.notAllFenced,
        facts: [
          [T.fence.blocked, result.blocked.join(', ') || T.none],
          [T.fence.wereBlocked, result.wereBlocked.join(', ') || T.none],
          ...(result.running.length === 0 ? [] : [[T.fence.running, result.running.join(', ')] as Fact]),
        ],
      }
    case 'failover': {
      const { vm, point, rtoSeconds, lossSeconds, addresses, evidence, lost, warnings, clone } = result
      return {
        title: clone ? T.failedOverClone : T.failedOver,
        facts: [
          vmFact(vm),
          pointFact(point),
          [T.rto, duration(rtoSeconds)],
          [T.lossAtMost, lossOf(lossSeconds)],
          ...addressFact(addresses),
        ],
        evidence,
        lost,
        warnings,
      }
    }
    case 'planned-failover': {
      const { vm, point, rtoSeconds, downSeconds, bytesSent, addresses, evidence, warnings } = result
      const facts: Fact[] = [
        vmFact(vm),
        pointFact(point),
        [T.rto, duration(rtoSeconds)],
        [T.down, duration(downSeconds)],
        [T.sent, bytes(bytesSent)],
      ]
      return { title: T.handedOver, facts: [...facts, ...addressFact(addresses)], evidence, warnings }
    }
    case 'undo-failover':
      return { title: T.undone, facts: [vmFact(result.vm), [T.source, result.sourceFreed ? T.sourceFreed : T.sourceAsItWas]] }
    case 'reprotect':
      return {
        title: T.turned,
        facts: [
          [T.way, T.ways[result.how]],
          pointFact(result.restorePoint),
          [TEXTS.runs.changed, bytes(result.changedBytes)],
          [T.sent, bytes(result.bytesSent)],
        ],
        warnings: result.warnings,
      }
    case 'failback':
      return {
        title: T.back,
        facts: [
          vmFact(result.vm),
          [T.down, duration(result.downSeconds)],
          [TEXTS.runs.changed, bytes(result.changedBytes)],
          [T.sent, bytes(result.bytesSent)],
          [T.again, result.protectedAgain ? T.yes : (result.unprotected ?? T.no)],
        ],
        warnings: result.warnings,
      }
    case 'plan':
      return {
        title: result.ok ? T.planOk : T.planFailed,
        facts: [
          [T.up, `${result.up}`],
          [T.failed, `${result.failed}`],
          [T.skipped, `${result.skipped}`],
          [T.took, duration(result.seconds)],
          ...(result.mode === 'test' ? [[T.after, result.removed ? T.removed : T.kept] as const] : []),
        ],
      }
    case 'seed-snapshot':
      return {
        title: T.snapshot,
        facts: [
          [T.name, result.name],
          [T.id, <CopyId key="id" id={result.snapshot} of={result.name} />],
        ],
        warnings: result.warnings,
      }
    case 'seed-export':
      return {
        title: T.exported,
        facts: [
          [T.folder, result.folder],
          [T.read, bytes(result.bytesRead)],
          [T.stored, bytes(result.bytesStored)],
        ],
        warnings: result.warnings,
      }
    case 'seed-import':
    case 'seed-link':
      return {
        title: result.status === 'linked' ? T.linked : T.linkedAlready,
        facts: [
          [T.sent, bytes(result.bytesSent)],
          [T.compared, bytes(result.bytesCompared)],
        ],
        warnings: result.warnings,
      }
  }
}

function EvidenceTable({ evidence }: { readonly evidence: readonly Evidence[] }) {
  return (
    <div>
      <Text size="sm" fw={600}>
        {T.evidence}
      </Text>
      <List size="sm">
        {evidence.map(({ check, ok, seconds, text }) => (
          <List.Item key={check} icon={ok ? <CheckCircledIcon aria-label={T.yes} /> : <CrossCircledIcon aria-label={T.no} />}>
            <b>{check}</b>: {text} <span className="figures">({duration(seconds)})</span>
          </List.Item>
        ))}
      </List>
    </div>
  )
}

const PLAN_COLUMNS: readonly Column<PlanVmResult>[] = [
  { key: 'vm', head: T.vm, cell: ({ name, vm }) => name ?? vm },
  { key: 'group', head: TEXTS.plans.group, cell: ({ group }) => group },
  { key: 'outcome', head: T.outcome, kind: 'tight', cell: ({ outcome }) => T.outcomes[outcome] },
  { key: 'rto', head: T.rto, kind: 'number', cell: ({ rtoSeconds }) => duration(rtoSeconds) },
  { key: 'loss', head: T.lossAtMost, kind: 'number', cell: ({ lossSeconds }) => lossOf(lossSeconds) },
  { key: 'text', head: T.what, cell: ({ text }) => text },
]
