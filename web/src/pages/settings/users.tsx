import { Badge, Button, Group, PasswordInput, Select, Stack, Text, TextInput } from '@mantine/core'
import { PlusIcon } from '@radix-ui/react-icons'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { ROLES } from '../../../../src/core/control/user.ts'
import { patch, post, remove } from '../../api/client.ts'
import { usersQuery } from '../../api/queries.ts'
import type { Role, User, UserChange } from '../../api/types.ts'
import { Age } from '../../parts/age.tsx'
import { Confirm, Dialog } from '../../parts/dialog.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { useMe } from '../../parts/rights.tsx'
import { Rows } from '../../parts/rows.tsx'
import { tellDone, tellProblem } from '../../parts/tell.ts'
import { Waiting } from '../../parts/waiting.tsx'
import { TEXTS } from '../../texts/en.ts'

const T = TEXTS.users
const ROLE_CHOICES = ROLES.map((value) => ({ value, label: T.roles[value] }))

export function Users() {
  const users = useQuery(usersQuery)
  const me = useMe()
  const client = useQueryClient()
  const [adding, setAdding] = useState(false)
  const [password, setPassword] = useState<User>()
  const [removing, setRemoving] = useState<User>()
  const fresh = () => client.invalidateQueries({ queryKey: ['users'] })
  const change = (user: User, what: UserChange) => patch('/users/{id}', { path: { id: user.id }, body: what }).then(fresh, tellProblem)
  return (
    <Stack>
      <PageHead title={T.title}>
        <Button leftSection={<PlusIcon aria-hidden />} onClick={() => setAdding(true)}>
          {T.add}
        </Button>
      </PageHead>
      <ProblemNote error={users.error} />
      {users.isPending && <Waiting />}
      {users.data !== undefined && (
        <Rows
          label={T.title}
          rows={users.data}
          keyOf={({ id }) => id}
          columns={[
            { key: 'name', head: T.columns.name, cell: ({ name }) => name },
            {
              key: 'role',
              head: T.columns.role,
              cell: (user) => (
                <Select
                  size="xs"
                  w={260}
                  aria-label={T.roleOf(user.name)}
                  allowDeselect={false}
                  data={ROLE_CHOICES}
                  value={user.role}
                  onChange={(role) => role && void change(user, { role })}
                />
              ),
            },
            { key: 'login', head: T.columns.login, cell: ({ lastLoginAt }) => <Age time={lastLoginAt} /> },
            {
              key: 'state',
              head: T.columns.state,
              cell: ({ disabled }) => (
                <Badge variant="light" color={disabled ? 'gray' : 'teal'} tt="none">
                  {disabled ? T.disabled : T.active}
                </Badge>
              ),
            },
            {
              key: 'actions',
              head: '',
              cell: (user) => (
                <Group gap="xs" wrap="nowrap" justify="flex-end">
                  <Button size="compact-xs" variant="default" onClick={() => setPassword(user)}>
                    {T.setPassword}
                  </Button>
                  {user.id !== me.user.id && (
                    <>
                      <Button size="compact-xs" variant="default" onClick={() => void change(user, { disabled: !user.disabled })}>
                        {user.disabled ? T.enable : T.disable}
                      </Button>
                      <Button size="compact-xs" variant="default" c="red" onClick={() => setRemoving(user)}>
                        {TEXTS.actions.remove}
                      </Button>
                    </>
                  )}
                </Group>
              ),
            },
          ]}
        />
      )}
      {adding && <UserForm onClose={() => setAdding(false)} onDone={fresh} />}
      {password !== undefined && <PasswordForm user={password} onClose={() => setPassword(undefined)} />}
      <Confirm
        opened={removing !== undefined}
        onClose={() => setRemoving(undefined)}
        title={T.removeTitle(removing?.name ?? '')}
        text={T.removeText}
        go={TEXTS.actions.remove}
        grave
        act={() => remove('/users/{id}', { path: { id: removing?.id ?? '' } }).then(fresh)}
      />
    </Stack>
  )
}

function UserForm({ onClose, onDone }: { onClose(): void; onDone(): Promise<unknown> }) {
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [role, setRole] = useState<Role>('viewer')
  const add = useMutation({
    mutationFn: () => post('/users', { body: { name, role, password } }),
    onSuccess: async () => {
      await onDone()
      onClose()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    add.mutate()
  }
  return (
    <Dialog title={T.add} opened onClose={onClose}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            label={T.columns.name}
            required
            data-autofocus
            autoComplete="off"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <Select label={T.role} allowDeselect={false} data={ROLE_CHOICES} value={role} onChange={(value) => setRole(value as Role)} />
          <PasswordInput
            label={TEXTS.signIn.password}
            required
            autoComplete="new-password"
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
          <ProblemNote error={add.error} />
          <Group justify="flex-end">
            <Button type="submit" loading={add.isPending}>
              {T.add}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  )
}

function PasswordForm({ user, onClose }: { readonly user: User; onClose(): void }) {
  const [password, setPassword] = useState('')
  const set = useMutation({
    mutationFn: () => patch('/users/{id}', { path: { id: user.id }, body: { password } }),
    onSuccess: () => {
      tellDone(T.changed)
      onClose()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    set.mutate()
  }
  return (
    <Dialog title={T.passwordTitle(user.name)} opened onClose={onClose}>
      <form onSubmit={submit}>
        <Stack>
          <Text size="sm">{T.passwordText}</Text>
          <PasswordInput
            label={T.newPassword}
            required
            data-autofocus
            autoComplete="new-password"
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
          <ProblemNote error={set.error} />
          <Group justify="flex-end">
            <Button type="submit" loading={set.isPending}>
              {T.setPassword}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  )
}
