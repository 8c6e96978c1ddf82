import { Button, Group, Menu } from '@mantine/core'
import { ChevronDownIcon } from '@radix-ui/react-icons'
import type { RestorePoint } from '../../api/types.ts'
import { exact } from '../../parts/measures.ts'
import { TEXTS } from '../../texts/en.ts'
import type { Doing } from '../failover/failover-actions.tsx'
import type { Kind, Subject } from '../failover/options.ts'

const KINDS: readonly Kind[] = ['clone', 'test-failover', 'failover']

/** What can be done with one restore point. */
export function PointActions({
  point,
  subject,
  choose,
  verify,
}: {
  readonly point: RestorePoint
  readonly subject: Subject
  choose(doing: Doing): void
  verify(): void
}) {
  return (
    <Group gap={6} wrap="nowrap" justify="flex-end">
      <Button size="compact-xs" variant="default" onClick={verify}>
        {TEXTS.replicas.verify}
      </Button>
      <Menu position="bottom-end" transitionProps={{ duration: 0 }}>
        <Menu.Target>
          <Button
            size="compact-xs"
            variant="default"
            rightSection={<ChevronDownIcon aria-hidden />}
            aria-label={TEXTS.replicas.useOf(exact(point.takenAt))}
          >
            {TEXTS.replicas.use}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {KINDS.map((kind) => (
            <Menu.Item
              key={kind}
              {...(kind === 'failover' ? { color: 'red' } : {})}
              onClick={() => choose({ kind, subject, first: { restorePoint: point.uuid } })}
            >
              {TEXTS.failover.actions[kind]}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
    </Group>
  )
}
