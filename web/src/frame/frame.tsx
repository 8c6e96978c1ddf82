/** The rail on the left, what is global on top. */
import { ActionIcon, Alert, AppShell, Burger, Group, Menu, NavLink, Text, useMantineColorScheme } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import {
  CalendarIcon,
  CounterClockwiseClockIcon,
  DashboardIcon,
  GearIcon,
  LayersIcon,
  ListBulletIcon,
  MoonIcon,
  PersonIcon,
} from '@radix-ui/react-icons'
import { useQueryClient } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Link, useLocation } from 'react-router'
import { post } from '../api/client.ts'
import { useLiveEvents } from '../api/events.ts'
import type { Me } from '../api/queries.ts'
import { TEXTS } from '../texts/en.ts'

const PLACES = [
  { to: '/', label: TEXTS.nav.overview, Icon: DashboardIcon },
  { to: '/jobs', label: TEXTS.nav.jobs, Icon: CalendarIcon },
  { to: '/replicas', label: TEXTS.nav.replicas, Icon: LayersIcon },
  { to: '/plans', label: TEXTS.nav.plans, Icon: ListBulletIcon },
  { to: '/activity', label: TEXTS.nav.activity, Icon: CounterClockwiseClockIcon },
  { to: '/settings', label: TEXTS.nav.settings, Icon: GearIcon },
] as const

export function Frame({ me, children }: { readonly me: Me; readonly children: ReactNode }) {
  const [opened, { toggle, close }] = useDisclosure(false)
  const liveness = useLiveEvents()
  const { pathname } = useLocation()
  const { toggleColorScheme } = useMantineColorScheme()
  const client = useQueryClient()
  const signOut = async () => {
    await post('/logout')
    client.clear()
    window.location.assign('/')
  }
  return (
    <AppShell header={{ height: 48 }} navbar={{ width: 200, breakpoint: 'sm', collapsed: { mobile: !opened } }} padding="md">
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label="Menu" />
            <img src="/icon.svg" width={20} height={20} alt="" />
            <Text fw={700}>{TEXTS.product}</Text>
          </Group>
          <Group gap="xs" wrap="nowrap">
            <ActionIcon variant="subtle" color="gray" onClick={toggleColorScheme} aria-label={TEXTS.theme}>
              <MoonIcon width={18} height={18} />
            </ActionIcon>
            <Menu position="bottom-end">
              <Menu.Target>
                <ActionIcon variant="subtle" color="gray" aria-label={me.user.name}>
                  <PersonIcon width={18} height={18} />
                </ActionIcon>
              </Menu.Target>
              <Menu.Dropdown>
                <Menu.Label>
                  {me.user.name} ({me.role})
                </Menu.Label>
                <Menu.Item onClick={signOut}>{TEXTS.signIn.out}</Menu.Item>
              </Menu.Dropdown>
            </Menu>
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs">
        {PLACES.map(({ to, label, Icon }) => (
          <NavLink
            key={to}
            component={Link}
            to={to}
            label={label}
            leftSection={<Icon width={16} height={16} aria-hidden />}
            active={to === '/' ? pathname === '/' : pathname.startsWith(to)}
            aria-current={(to === '/' ? pathname === '/' : pathname.startsWith(to)) ? 'page' : undefined}
            onClick={close}
          />
        ))}
      </AppShell.Navbar>
      <AppShell.Main>
        {liveness === 'lost' && (
          <Alert color="yellow" mb="md" role="status">
            {TEXTS.lost}
          </Alert>
        )}
        {children}
      </AppShell.Main>
    </AppShell>
  )
}
