/** From empty to protected. */
import { Button, Group, Paper, Stack, Text, Title } from '@mantine/core'
import { CheckCircledIcon, CircleIcon } from '@radix-ui/react-icons'
import { useState } from 'react'
import { Link, useNavigate } from 'react-router'
import type { Job, Pool } from '../../api/types.ts'
import { useMay } from '../../parts/rights.tsx'
import { TEXTS } from '../../texts/en.ts'
import { PoolForm } from '../pools/pool-form.tsx'

const T = TEXTS.start

export function FirstSteps({ pools, jobs }: { readonly pools: readonly Pool[]; readonly jobs: readonly Job[] }) {
  const [adding, setAdding] = useState(false)
  const mayChange = useMay('administrator')
  const navigate = useNavigate()
  const add = () => setAdding(true)
  const steps = [
    { ...T.source, text: '', isDone: pools.length > 0, act: add },
    { ...T.target, isDone: pools.length > 1 || jobs.length > 0, act: add },
    { ...T.job, text: '', isDone: jobs.length > 0, act: () => void navigate('/jobs/new') },
    { ...T.run, text: '', isDone: false, act: () => void navigate(jobs[0] === undefined ? '/jobs' : `/jobs/${jobs[0].id}`) },
  ]
  const current = steps.findIndex(({ isDone }) => !isDone)
  return (
    <Paper withBorder p="lg" component="section" aria-labelledby="first-steps">
      <Stack gap="md">
        <div>
          <Title order={2} size="h4" id="first-steps">
            {T.title}
          </Title>
          <Text size="sm" c="dimmed">
            {T.text}
          </Text>
        </div>
        <Stack component="ol" gap="md" m={0} p={0} className="steps">
          {steps.map(({ title, text, done, go, isDone, act }, nth) => (
            <Group component="li" key={title} justify="space-between" aria-current={nth === current ? 'step' : undefined}>
              <Group gap="sm" wrap="nowrap" align="flex-start">
                {isDone ? <CheckCircledIcon aria-hidden /> : <CircleIcon aria-hidden />}
                <div>
                  <Text size="sm" fw={nth === current ? 600 : 400}>
                    {isDone ? done : title}
                  </Text>
                  {nth === current && text !== '' && (
                    <Text size="xs" c="dimmed">
                      {text}
                    </Text>
                  )}
                </div>
              </Group>
              {nth === current && mayChange && (
                <Group gap="xs">
                  {nth === 1 && (
                    <Button component={Link} to="/jobs/new" variant="default">
                      {T.target.same}
                    </Button>
                  )}
                  <Button onClick={act}>{go}</Button>
                </Group>
              )}
            </Group>
          ))}
        </Stack>
      </Stack>
      {adding && <PoolForm onClose={() => setAdding(false)} />}
    </Paper>
  )
}
