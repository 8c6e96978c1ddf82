import { Button, Group, NumberInput, PasswordInput, Select, Stack, Textarea, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { patch, post } from '../../api/client.ts'
import type { Channel, EmailChannel } from '../../api/types.ts'
import { Dialog } from '../../parts/dialog.tsx'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { TEXTS } from '../../texts/en.ts'

const T = TEXTS.notifications
const TLS = Object.entries(T.tlsModes).map(([value, label]) => ({ value, label }))

/** Of a new channel, or one that is changed. */
export function ChannelForm({
  of,
  onClose,
  onDone,
}: {
  readonly of: 'email' | 'webhook' | Channel
  onClose(): void
  onDone(): Promise<unknown>
}) {
  const known = typeof of === 'string' ? undefined : of
  const kind = typeof of === 'string' ? of : of.kind
  const mail = known?.kind === 'email' ? known : undefined
  const [typed, setTyped] = useState({
    name: known?.name ?? (kind === 'email' ? 'E-mail' : 'Webhook'),
    host: mail?.host ?? '',
    user: mail?.user ?? '',
    from: mail?.from ?? '',
    to: mail?.to.join('\n') ?? '',
    url: known?.kind === 'webhook' ? known.url : '',
    secret: '',
  })
  const [port, setPort] = useState(mail?.port ?? 587)
  const [tls, setTls] = useState<EmailChannel['tls']>(mail?.tls ?? 'starttls')
  const save = useMutation({
    mutationFn: () => {
      const { name, host, user, from, to, url, secret } = typed
      const recipients = to.split(/[\n,;]/).flatMap((line) => (line.trim() === '' ? [] : [line.trim()]))
      const spec =
        kind === 'email' ? { kind, name, host, port, tls, from, to: recipients, ...(user === '' ? {} : { user }) } : { kind, name, url }
      const body = { ...spec, enabled: known?.enabled ?? true, ...(secret === '' ? {} : { secret }) }
      return known === undefined ? post('/channels', { body }) : patch('/channels/{id}', { path: { id: known.id }, body })
    },
    onSuccess: async () => {
      await onDone()
      onClose()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    save.mutate()
  }
  const field = (key: keyof typeof typed) => ({
    value: typed[key],
    onChange: (event: { currentTarget: { value: string } }) => setTyped({ ...typed, [key]: event.currentTarget.value }),
  })
  const title = known !== undefined ? T.editTitle(known.name) : kind === 'email' ? T.addMail : T.addHook
  const secretHint = known?.hasSecret === true ? { description: T.secretKept } : {}
  return (
    <Dialog title={title} opened onClose={onClose}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput label={T.name} required data-autofocus {...field('name')} />
          {kind === 'email' ? (
            <>
              <Group grow align="flex-end">
                <TextInput label={T.host} required {...field('host')} />
                <NumberInput
                  label={T.port}
                  required
                  min={1}
                  max={65_535}
                  allowDecimal={false}
                  value={port}
                  onChange={(value) => setPort(Number(value))}
                />
              </Group>
              <Select
                label={T.tls}
                allowDeselect={false}
                data={TLS}
                value={tls}
                onChange={(value) => setTls((value ?? 'starttls') as EmailChannel['tls'])}
              />
              <TextInput label={T.user} autoComplete="off" {...field('user')} />
              <PasswordInput label={T.password} autoComplete="new-password" {...secretHint} {...field('secret')} />
              <TextInput label={T.from} required {...field('from')} />
              <Textarea label={T.to} required rows={3} {...field('to')} />
            </>
          ) : (
            <>
              <TextInput label={T.url} required {...field('url')} />
              <PasswordInput label={T.key} autoComplete="new-password" {...secretHint} {...field('secret')} />
            </>
          )}
          <ProblemNote error={save.error} />
          <Group justify="flex-end">
            <Button type="submit" loading={save.isPending}>
              {TEXTS.actions.save}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  )
}
