import { ActionIcon, Menu, Stack, Text } from '@mantine/core'
import { CheckCircledIcon, CrossCircledIcon, DotsHorizontalIcon } from '@radix-ui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useNavigate } from 'react-router'
import { patch, post, remove } from '../../api/client.ts'
import type { Pool } from '../../api/types.ts'
import { Confirm, Dialog } from '../../parts/dialog.tsx'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { useMay } from '../../parts/rights.tsx'
import { tellProblem } from '../../parts/tell.ts'
import { Waiting } from '../../parts/waiting.tsx'
import { TEXTS } from '../../texts/en.ts'
import { PoolForm } from './pool-form.tsx'

const T = TEXTS.pools

export function PoolActions({ pool }: { readonly pool: Pool }) {
  const [open, setOpen] = useState<'test' | 'edit' | 'disable' | 'remove'>()
  const mayChange = useMay('administrator')
  const mayTest = useMay('operator')
  const navigate = useNavigate()
  const close = () => setOpen(undefined)
  const enable = () => patch('/pools/{id}', { path: { id: pool.id }, body: { enabled: true } }).catch(tellProblem)
  if (!mayTest) return null
  return (
    <>
      <Menu position="bottom-end" transitionProps={{ duration: 0 }}>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={TEXTS.actions.more(pool.name)}>
            <DotsHorizontalIcon />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => setOpen('test')}>{T.test}</Menu.Item>
          {mayChange && (
            <>
              <Menu.Item onClick={() => setOpen('edit')}>{TEXTS.actions.edit}</Menu.Item>
              {pool.enabled ? (
                <Menu.Item onClick={() => setOpen('disable')}>{T.disable}</Menu.Item>
              ) : (
                <Menu.Item onClick={enable}>{T.enable}</Menu.Item>
              )}
              <Menu.Item color="red" onClick={() => setOpen('remove')}>
                {TEXTS.actions.remove}
              </Menu.Item>
            </>
          )}
        </Menu.Dropdown>
      </Menu>
      {open === 'test' && <PoolTest pool={pool} onClose={close} />}
      {open === 'edit' && <PoolForm pool={pool} onClose={close} />}
      <Confirm
        opened={open === 'disable'}
        onClose={close}
        title={`${T.disable}: ${pool.name}`}
        text={T.disableText}
        go={T.disable}
        act={() => patch('/pools/{id}', { path: { id: pool.id }, body: { enabled: false } })}
      />
      <Confirm
        opened={open === 'remove'}
        onClose={close}
        grave
        title={T.removeTitle(pool.name)}
        text={T.removeText}
        go={TEXTS.actions.remove}
        act={async () => {
          await remove('/pools/{id}', { path: { id: pool.id } })
          void navigate('/settings/pools')
        }}
      />
    </>
  )
}

function PoolTest({ pool, onClose }: { readonly pool: Pool; onClose(): void }) {
  const test = useQuery({
    queryKey: ['pool-test', pool.id],
    queryFn: () => post('/pools/{id}/test', { path: { id: pool.id } }),
    retry: false,
    gcTime: 0,
    staleTime: 0,
  })
  return (
    <Dialog title={T.testTitle(pool.name)} opened onClose={onClose}>
      <Stack gap="xs">
        {test.isPending && (
          <>
            <Text size="sm">{T.testRuns}</Text>
            <Waiting lines={4} />
          </>
        )}
        <ProblemNote error={test.error} />
        {test.data?.checks.map(({ name, ok, text }) => (
          <Text size="sm" key={name} {...(ok ? {} : { c: 'red' })}>
            {ok ? <CheckCircledIcon aria-label="ok" /> : <CrossCircledIcon aria-label="failed" />} <b>{name}</b>: {text}
          </Text>
        ))}
      </Stack>
    </Dialog>
  )
}
