import { Anchor } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import type { Alert } from '../../../src/core/control/notification.ts'
import { protectionsQuery } from '../api/queries.ts'
import { TEXTS } from '../texts/en.ts'
import { replicaPath } from './paths.ts'

/** Where something can be done about an alert: the replica of its VM, when it has one. */
export function AlertWhere({ alert: { vm, job } }: { readonly alert: Alert }) {
  const own = useQuery(protectionsQuery).data?.filter((one) => one.vm.uuid === vm && one.target !== null && one.replica !== null) ?? []
  const chain = own.find((one) => one.job === job) ?? own[0]
  if (chain === undefined || chain.target === null) return null
  return (
    <Anchor component={Link} to={replicaPath(chain.target, chain.vm.uuid)} size="sm">
      {TEXTS.replicas.of(chain.vm.name)}
    </Anchor>
  )
}
