import { ActionIcon, Menu } from '@mantine/core'
import { PersonIcon } from '@radix-ui/react-icons'
import { Link } from 'react-router'
import { post } from '../api/client.ts'
import { useMe } from '../parts/rights.tsx'
import { tellProblem } from '../parts/tell.ts'
import { TEXTS } from '../texts/en.ts'

export function UserMenu() {
  const me = useMe()
  const signOut = () => post('/logout').then(() => window.location.assign('/'), tellProblem)
  return (
    <Menu position="bottom-end" transitionProps={{ duration: 0 }}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" aria-label={TEXTS.user.label(me.user.name)}>
          <PersonIcon width={16} height={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {me.user.name} ({me.role})
        </Menu.Label>
        <Menu.Item component={Link} to="/settings/appearance">
          {TEXTS.users.own}
        </Menu.Item>
        <Menu.Item onClick={signOut}>{TEXTS.signIn.out}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
