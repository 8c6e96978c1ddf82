/** A plan as a picture: groups from left to right, the wait between them, their VMs as cards. */
import { Badge, Stack, Text, Title } from '@mantine/core'
import type { PlanGroupSpec, PlanVm } from '../../../../src/core/control/recovery-plan-record.ts'
import { duration } from '../../parts/measures.ts'
import { TEXTS } from '../../texts/en.ts'

const T = TEXTS.plans

export interface VmLook {
  readonly name: string
  readonly text: string
  readonly look: 'good' | 'bad' | 'plain'
}

export function PlanPicture({
  groups,
  lookOf,
}: {
  readonly groups: readonly PlanGroupSpec[]
  lookOf(group: PlanGroupSpec, vm: PlanVm): VmLook
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
    <section className="groups" aria-label={T.groups} tabIndex={0}>
      {groups.map((group, nth) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: two groups may have one name
        <section className="group" key={`${nth} ${group.name}`} aria-label={group.name}>
          <Stack gap="xs">
            <Title order={3} size="h6">
              {nth + 1}. {group.name}
            </Title>
            {group.delaySeconds > 0 && (
              <Text size="xs" c="dimmed">
                {T.waits(duration(group.delaySeconds))}
              </Text>
            )}
            {group.before !== null && <Text size="xs">{T.runsBefore(group.before)}</Text>}
            {group.vms.map((vm) => {
              const { name, text, look } = lookOf(group, vm)
              return (
                <div className="card" key={`${vm.vm} ${vm.target.sr}`} data-look={look}>
                  <Text size="sm" fw={600}>
                    {name}
                  </Text>
                  <Text size="xs">{text}</Text>
                  {vm.ready !== undefined && (
                    <Badge size="xs" variant="light" color="gray" tt="none">
                      {vm.ready.join(', ')}
                    </Badge>
                  )}
                </div>
              )
            })}
            {group.after !== null && <Text size="xs">{T.runsAfter(group.after)}</Text>}
          </Stack>
        </section>
      ))}
    </section>
  )
}
