import { Anchor, Paper, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { licencesQuery, serverQuery } from '../../api/queries.ts'
import { Age } from '../../parts/age.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { Rows } from '../../parts/rows.tsx'
import { Waiting } from '../../parts/waiting.tsx'
import { TEXTS } from '../../texts/en.ts'

const T = TEXTS.about

export function About() {
  const server = useQuery(serverQuery)
  const licences = useQuery(licencesQuery)
  return (
    <Stack>
      <PageHead title={`${T.title} ${TEXTS.product}`} />
      <ProblemNote error={server.error ?? licences.error} />
      <Paper withBorder p="sm">
        <dl className="facts">
          <dt>{T.version}</dt>
          <dd>{server.data?.version ?? '–'}</dd>
          <dt>{T.node}</dt>
          <dd>{server.data?.node ?? '–'}</dd>
          <dt>{T.started}</dt>
          <dd>
            <Age time={server.data?.startedAt} />
          </dd>
        </dl>
      </Paper>
      <Text size="sm">
        {T.licence}{' '}
        <Anchor href="/docs/index.md" underline="always">
          {T.docs}
        </Anchor>{' '}
        ·{' '}
        <Anchor href="/api/v1/docs" underline="always">
          {T.api}
        </Anchor>
      </Text>
      <Title order={2} size="h5">
        {T.licences}
      </Title>
      {licences.isPending && <Waiting />}
      {licences.data !== undefined && (
        <Rows
          label={T.licences}
          tall
          rows={licences.data}
          keyOf={({ name, version }) => `${name} ${version}`}
          columns={[
            { key: 'name', head: T.columns.name, cell: ({ name }) => name },
            { key: 'version', head: T.columns.version, cell: ({ version }) => version },
            { key: 'licence', head: T.columns.licence, cell: ({ licence }) => licence },
          ]}
        />
      )}
    </Stack>
  )
}
