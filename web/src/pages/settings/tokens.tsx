import { Alert, Button, Code, CopyButton, Group, NumberInput, Select, Stack, Text, TextInput } from '@mantine/core'
import { PlusIcon } from '@radix-ui/react-icons'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { ROLES, reaches } from '../../../../src/core/control/user.ts'
import { post, remove } from '../../api/client.ts'
import { tokensQuery } from '../../api/queries.ts'
import type { ApiToken, Role } from '../../api/types.ts'
import { Age } from '../../parts/age.tsx'
import { Confirm, Dialog } from '../../parts/dialog.tsx'
import { Empty } from '../../parts/empty.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { useMe } from '../../parts/rights.tsx'
import { Rows } from '../../parts/rows.tsx'
import { Waiting } from '../../parts/waiting.tsx'
import { TEXTS } from '../../texts/en.ts'

const T = TEXTS.tokens
const DAY = 86_400_000

export function Tokens() {
  const tokens = useQuery(tokensQuery)
  const client = useQueryClient()
  const [making, setMaking] = useState(false)
  const [revoking, setRevoking] = useState<ApiToken>()
  const add = (
    <Button leftSection={<PlusIcon aria-hidden />} onClick={() => setMaking(true)}>
      {T.add}
    </Button>
  )
  return (
    <Stack>
      <PageHead title={T.title}>{(tokens.data?.length ?? 0) > 0 && add}</PageHead>
      <Text size="sm">{T.text}</Text>
      <ProblemNote error={tokens.error} />
      {tokens.isPending && <Waiting />}
      {tokens.data?.length === 0 && <Empty text={T.empty}>{add}</Empty>}
      {tokens.data !== undefined && tokens.data.length > 0 && (
        <Rows
          label={T.title}
          rows={tokens.data}
          keyOf={({ id }) => id}
          columns={[
            { key: 'name', head: T.columns.name, cell: ({ name }) => name },
            { key: 'user', head: T.columns.user, cell: ({ userName }) => userName },
            { key: 'role', head: T.columns.role, cell: ({ role }) => role },
            { key: 'used', head: T.columns.used, cell: ({ lastUsedAt }) => <Age time={lastUsedAt} /> },
            {
              key: 'ends',
              head: T.columns.expires,
              cell: ({ expiresAt }) => (expiresAt === null ? T.never : <Age time={expiresAt} />),
            },
            {
              key: 'actions',
              head: '',
              cell: (token) => (
                <Button size="compact-xs" variant="default" onClick={() => setRevoking(token)}>
                  {T.revoke}
                </Button>
              ),
            },
          ]}
        />
      )}
      {making && <NewToken onClose={() => setMaking(false)} />}
      <Confirm
        opened={revoking !== undefined}
        onClose={() => setRevoking(undefined)}
        title={T.revokeTitle(revoking?.name ?? '')}
        text={T.revokeText}
        go={T.revoke}
        grave
        act={async () => {
          await remove('/tokens/{id}', { path: { id: revoking?.id ?? '' } })
          await client.invalidateQueries({ queryKey: ['tokens'] })
        }}
      />
    </Stack>
  )
}

function NewToken({ onClose }: { onClose(): void }) {
  const me = useMe()
  const client = useQueryClient()
  const [name, setName] = useState('')
  const [role, setRole] = useState<Role>(me.role)
  const [days, setDays] = useState<number | string>(90)
  const make = useMutation({
    mutationFn: () =>
      post('/tokens', {
        body: {
          name,
          role,
          expiresAt: typeof days === 'number' ? new Date(Date.now() + days * DAY).toISOString() : null,
        },
      }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['tokens'] }),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    make.mutate()
  }
  return (
    <Dialog title={T.add} opened onClose={onClose}>
      {make.data === undefined ? (
        <form onSubmit={submit}>
          <Stack>
            <TextInput label={T.name} required data-autofocus value={name} onChange={(event) => setName(event.currentTarget.value)} />
            <Select
              label={T.role}
              allowDeselect={false}
              data={ROLES.filter((one) => reaches(me.role, one)).map((one) => ({ value: one, label: TEXTS.users.roles[one] }))}
              value={role}
              onChange={(value) => setRole(value as Role)}
            />
            <NumberInput label={T.days} min={1} max={3650} allowDecimal={false} value={days} onChange={setDays} />
            <ProblemNote error={make.error} />
            <Group justify="flex-end">
              <Button type="submit" loading={make.isPending}>
                {T.add}
              </Button>
            </Group>
          </Stack>
        </form>
      ) : (
        <Stack>
          <Alert color="yellow">{T.shown}</Alert>
          <Code className="wrap">{make.data.secret}</Code>
          <Group justify="space-between">
            <CopyButton value={make.data.secret}>
              {({ copied, copy }) => <Button onClick={copy}>{copied ? T.copied : T.copy}</Button>}
            </CopyButton>
            <Button variant="default" onClick={onClose}>
              {TEXTS.actions.close}
            </Button>
          </Group>
        </Stack>
      )}
    </Dialog>
  )
}
