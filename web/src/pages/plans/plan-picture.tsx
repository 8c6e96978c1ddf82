/** A plan as a picture: groups from left to right, the wait between them, their VMs as cards. */
import { Badge, Group, Stack, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import { TEXTS } from '../../texts/en.ts'

const T = TEXTS.plans

export interface PicturedVm {
  readonly key: string
  readonly name: string
  /** How it stands: a sign with a word. */
  readonly state?: ReactNode
  readonly text: ReactNode
  readonly look: 'good' | 'bad' | 'plain' | 'now'
  /** Checks of its own. */
  readonly ready?: readonly string[]
}

export interface PicturedGroup {
  readonly name: string
  readonly state?: ReactNode
  /** Before and behind its VMs. */
  readonly before: readonly string[]
  readonly behind: readonly string[]
  readonly vms: readonly PicturedVm[]
}

export function PlanPicture({ groups }: { readonly groups: readonly PicturedGroup[] }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
    <section className="groups" aria-label={T.groups} tabIndex={0}>
      {groups.map(({ name, state, before, behind, vms }, nth) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: two groups may have one name
        <section className="group" key={`${nth} ${name}`} aria-label={name}>
          <Stack gap="xs">
            <Group gap="xs" justify="space-between" wrap="nowrap">
              <Title order={3} size="h6" className="wrap">
                {nth + 1}. {name}
              </Title>
              {state}
            </Group>
            {before.map((text) => (
              <Text size="xs" key={text}>
                {text}
              </Text>
            ))}
            {vms.map((vm) => (
              <section className="card" key={vm.key} data-look={vm.look} aria-label={vm.name}>
                <Group gap="xs" justify="space-between" wrap="nowrap">
                  <Text size="sm" fw={600} className="wrap">
                    {vm.name}
                  </Text>
                  {vm.state}
                </Group>
                <Text size="xs" className="wrap" component="div">
                  {vm.text}
                </Text>
                {vm.ready !== undefined && (
                  <Badge size="xs" variant="light" color="gray" tt="none">
                    {vm.ready.join(', ')}
                  </Badge>
                )}
              </section>
            ))}
            {behind.map((text) => (
              <Text size="xs" key={text}>
                {text}
              </Text>
            ))}
          </Stack>
        </section>
      ))}
    </section>
  )
}
