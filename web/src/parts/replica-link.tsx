import { Anchor } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import { protectionsQuery } from '../api/queries.ts'
import { TEXTS } from '../texts/en.ts'
import { replicaPath } from './paths.ts'

/** To the replica of a VM, when it has one: that of the job rather than another. */
export function ReplicaLink({ vm, job }: { readonly vm: string | null; readonly job: string | null }) {
  const own = useQuery(protectionsQuery).data?.filter((one) => one.vm.uuid === vm && one.target !== null && one.replica !== null) ?? []
  const chain = own.find((one) => one.job === job) ?? own[0]
  if (chain === undefined || chain.target === null) return null
  return (
    <Anchor component={Link} to={replicaPath(chain.target, chain.vm.uuid)} size="sm">
      {TEXTS.replicas.of(chain.vm.name)}
    </Anchor>
  )
}
