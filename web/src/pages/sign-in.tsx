import { Button, Center, Paper, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { post } from '../api/client.ts'
import { setupQuery } from '../api/queries.ts'
import { ProblemNote } from '../parts/problem-note.tsx'
import { TEXTS } from '../texts/en.ts'

/** The form for a user, or on a new server that for its first administrator. */
export function SignIn() {
  const setup = useQuery(setupQuery)
  const client = useQueryClient()
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [link, setLink] = useState(() => window.location.hash.slice(1))
  const isFirst = setup.data?.needed === true
  const texts = isFirst ? TEXTS.setup : TEXTS.signIn
  const enter = useMutation({
    mutationFn: () => (isFirst ? post('/setup', { body: { link, name, password } }) : post('/login', { body: { name, password } })),
    onSuccess: () => {
      if (window.location.pathname === '/setup' || window.location.hash !== '') history.replaceState(null, '', '/')
      return client.invalidateQueries()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    enter.mutate()
  }
  return (
    <Center mih="90vh" p="md">
      <Paper withBorder p="lg" w={360} component="main">
        <form onSubmit={submit}>
          <Stack>
            <Title order={1} size="h3">
              {TEXTS.product}: {texts.title}
            </Title>
            {isFirst && <Text size="sm">{TEXTS.setup.text}</Text>}
            {isFirst && (
              <TextInput label={TEXTS.setup.link} value={link} onChange={(event) => setLink(event.currentTarget.value)} required />
            )}
            <TextInput
              label={TEXTS.signIn.name}
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
              autoComplete="username"
              required
              data-autofocus
            />
            <PasswordInput
              label={TEXTS.signIn.password}
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
              autoComplete={isFirst ? 'new-password' : 'current-password'}
              required
            />
            <ProblemNote error={enter.error} />
            <Button type="submit" loading={enter.isPending}>
              {texts.go}
            </Button>
          </Stack>
        </form>
      </Paper>
    </Center>
  )
}
