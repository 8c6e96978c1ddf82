/** Adds or edits a pool: address, user, password; then a look at its certificate before the password is sent anywhere. */
import { Alert, Button, Code, Group, PasswordInput, Stack, Text, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { patch, post } from '../../api/client.ts'
import type { Certificate, Pool } from '../../api/types.ts'
import { Dialog } from '../../parts/dialog.tsx'
import { exact } from '../../parts/measures.ts'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { tellDone } from '../../parts/tell.ts'
import { TEXTS } from '../../texts/en.ts'

const T = TEXTS.pools

/** What somebody types: a bare name is an address of HTTPS. */
const addressOf = (typed: string): string => (/^[a-z]+:\/\//i.test(typed.trim()) ? typed.trim() : `https://${typed.trim()}`)

export function PoolForm({ pool, onClose }: { readonly pool?: Pool; onClose(): void }) {
  const [typed, setTyped] = useState({ url: pool?.url ?? '', user: pool?.user ?? 'root', password: '', name: pool?.name ?? '' })
  const look = useMutation({ mutationFn: () => post('/pools/certificate', { body: { url: addressOf(typed.url) } }) })
  const isKnown = (fingerprint: string) => pool?.fingerprints.includes(fingerprint) === true
  const save = useMutation({
    mutationFn: (fingerprint: string) => {
      const name = typed.name.trim()
      const url = addressOf(typed.url)
      if (pool === undefined) {
        const body = { url, user: typed.user, password: typed.password, fingerprint, ...(name === '' ? {} : { name }) }
        return post('/pools', { body })
      }
      return patch('/pools/{id}', {
        path: { id: pool.id },
        body: {
          ...(name === '' || name === pool.name ? {} : { name }),
          ...(url === pool.url ? {} : { url }),
          ...(typed.user === pool.user ? {} : { user: typed.user }),
          ...(typed.password === '' ? {} : { password: typed.password }),
          ...(isKnown(fingerprint) ? {} : { fingerprint }),
        },
      })
    },
    onSuccess: (saved) => {
      if (pool === undefined) tellDone(T.added(saved.name))
      onClose()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    look.mutate(undefined, {
      onSuccess: ({ fingerprint }) => {
        if (isKnown(fingerprint)) save.mutate(fingerprint)
      },
    })
  }
  const field = (key: keyof typeof typed) => ({
    value: typed[key],
    onChange: (event: { currentTarget: { value: string } }) => setTyped({ ...typed, [key]: event.currentTarget.value }),
  })
  const certificate = look.data !== undefined && !isKnown(look.data.fingerprint) ? look.data : undefined
  const title = certificate !== undefined ? T.certificate.title : pool === undefined ? T.form.title : T.editTitle(pool.name)
  return (
    <Dialog title={title} opened onClose={onClose} size="lg">
      {certificate === undefined ? (
        <form onSubmit={submit}>
          <Stack>
            <TextInput label={T.form.url} description={T.form.urlHint} required data-autofocus {...field('url')} />
            <TextInput label={T.form.user} required autoComplete="off" {...field('user')} />
            <PasswordInput
              label={pool === undefined ? T.form.password : T.passwordKept}
              required={pool === undefined}
              autoComplete="new-password"
              {...field('password')}
            />
            <TextInput label={T.form.name} {...field('name')} />
            <ProblemNote error={look.error ?? save.error} />
            <Group justify="flex-end">
              <Button type="submit" loading={look.isPending || save.isPending}>
                {pool === undefined ? T.form.look : TEXTS.actions.save}
              </Button>
            </Group>
          </Stack>
        </form>
      ) : (
        <Stack>
          <Text size="sm">{T.certificate.text}</Text>
          <dl className="facts">
            <dt>{T.certificate.fingerprint}</dt>
            <dd>
              <Code>{certificate.fingerprint}</Code>
            </dd>
            <dt>{T.certificate.subject}</dt>
            <dd>{certificate.subject}</dd>
            <dt>{T.certificate.issuer}</dt>
            <dd>{certificate.issuer}</dd>
            <dt>{T.certificate.valid}</dt>
            <dd>
              {exact(certificate.validFrom)} – {exact(certificate.validTo)}
            </dd>
          </dl>
          {!isValidNow(certificate) && <Alert color="yellow">{T.certificate.expired}</Alert>}
          <ProblemNote error={save.error} />
          <Group justify="space-between">
            <Button
              variant="default"
              onClick={() => {
                look.reset()
                save.reset()
              }}
            >
              {TEXTS.actions.back}
            </Button>
            <Button loading={save.isPending} onClick={() => save.mutate(certificate.fingerprint)}>
              {pool === undefined ? T.certificate.accept : T.certificate.acceptChange}
            </Button>
          </Group>
        </Stack>
      )}
    </Dialog>
  )
}

function isValidNow({ validFrom, validTo }: Certificate): boolean {
  const now = Date.now()
  return Date.parse(validFrom) <= now && now <= Date.parse(validTo)
}
