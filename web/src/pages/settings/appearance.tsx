import { Button, Group, Paper, PasswordInput, SegmentedControl, Stack, Text, Title, useMantineColorScheme } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { put } from '../../api/client.ts'
import { SCHEMES } from '../../frame/theme-menu.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { tellDone } from '../../parts/tell.ts'
import { TEXTS } from '../../texts/en.ts'

const T = TEXTS.appearance

export function Appearance() {
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  return (
    <Stack>
      <PageHead title={T.title} />
      <Text id="scheme" size="sm" fw={500}>
        {T.scheme}
      </Text>
      <Group>
        <SegmentedControl
          aria-labelledby="scheme"
          value={colorScheme}
          onChange={setColorScheme}
          data={SCHEMES.map(({ value, label }) => ({ value, label }))}
          transitionDuration={0}
        />
      </Group>
      <Text size="sm">{T.zone(Intl.DateTimeFormat().resolvedOptions().timeZone)}</Text>
      <OwnPassword />
    </Stack>
  )
}

function OwnPassword() {
  const [currentPassword, setCurrent] = useState('')
  const [password, setPassword] = useState('')
  const change = useMutation({
    mutationFn: () => put('/me/password', { body: { currentPassword, password } }),
    onSuccess: () => {
      setCurrent('')
      setPassword('')
      tellDone(TEXTS.users.changed)
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    change.mutate()
  }
  return (
    <Paper withBorder p="md" maw={420} component="form" onSubmit={submit}>
      <Stack>
        <Title order={2} size="h5">
          {TEXTS.users.own}
        </Title>
        <PasswordInput
          label={TEXTS.users.current}
          autoComplete="current-password"
          required
          value={currentPassword}
          onChange={(event) => setCurrent(event.currentTarget.value)}
        />
        <PasswordInput
          label={TEXTS.users.newPassword}
          autoComplete="new-password"
          required
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        <ProblemNote error={change.error} />
        <Button type="submit" loading={change.isPending}>
          {TEXTS.actions.save}
        </Button>
      </Stack>
    </Paper>
  )
}
