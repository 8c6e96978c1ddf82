import { Group, Stack, Table, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { protectionsQuery } from '../api/queries.ts'
import { Age } from '../parts/age.tsx'
import { ProblemNote } from '../parts/problem-note.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { TEXTS } from '../texts/en.ts'

export function Overview() {
  const protections = useQuery(protectionsQuery)
  return (
    <Stack>
      <Group>
        <Title order={1} size="h3">
          {TEXTS.nav.overview}
        </Title>
      </Group>
      <ProblemNote error={protections.error} />
      <Table>
        <Table.Tbody>
          {protections.data?.map((one) => (
            <Table.Tr key={`${one.vm.uuid} ${one.job} ${one.target?.sr}`}>
              <Table.Td>
                <StateBadge state={one.state} />
              </Table.Td>
              <Table.Td>{one.vm.name}</Table.Td>
              <Table.Td>{one.reason}</Table.Td>
              <Table.Td>
                <Age time={one.newestPoint?.takenAt} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Stack>
  )
}
