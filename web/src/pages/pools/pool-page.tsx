/** What is seen of one pool, live. */
import { Badge, Group, Paper, Stack, Tabs, Text, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useParams, useSearchParams } from 'react-router'
import { inventoryQuery, poolsQuery } from '../../api/queries.ts'
import type { InventorySr, PoolInventory } from '../../api/types.ts'
import { Age } from '../../parts/age.tsx'
import { CopyId } from '../../parts/copy-id.tsx'
import { bytes } from '../../parts/measures.ts'
import { PageHead } from '../../parts/page-head.tsx'
import { PoolBadge } from '../../parts/pool-badge.tsx'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { type Column, Rows } from '../../parts/rows.tsx'
import { Waiting } from '../../parts/waiting.tsx'
import { plural, TEXTS } from '../../texts/en.ts'
import { NotFound } from '../not-found.tsx'
import { PoolActions } from './pool-actions.tsx'
import { Usage } from './usage.tsx'

const T = TEXTS.pools

export function PoolPage() {
  const { id = '' } = useParams()
  const pools = useQuery(poolsQuery)
  const inventory = useQuery(inventoryQuery(id))
  const [parameters, setParameters] = useSearchParams()
  const pool = pools.data?.find((one) => one.id === id)
  if (pools.isPending) return <Waiting />
  if (pool === undefined) return <NotFound />
  const { srs = [], vms = [], hosts = [], networks = [] } = inventory.data ?? {}
  const counts = { srs: srs.length, vms: vms.length, hosts: hosts.length, networks: networks.length }
  return (
    <Stack>
      <PageHead title={pool.name} above={[{ to: '/settings/pools', label: T.title }]}>
        <PoolBadge state={pool.state} />
        <PoolActions pool={pool} />
      </PageHead>
      {pool.error !== null && <ProblemNote error={new Error(pool.error.message)} title={`${pool.error.message}. ${pool.error.hint}`} />}
      <Paper withBorder p="sm">
        <dl className="facts">
          <dt>{T.identity.url}</dt>
          <dd>{pool.url}</dd>
          <dt>{T.identity.user}</dt>
          <dd>{pool.user}</dd>
          <dt>{T.columns.version}</dt>
          <dd>{pool.version ?? '–'}</dd>
          <dt>{T.identity.uuid}</dt>
          <dd>
            <CopyId id={pool.poolUuid} of={pool.name} />
          </dd>
          <dt>{T.identity.fingerprints}</dt>
          <dd>{pool.fingerprints.join(', ')}</dd>
          <dt>{T.columns.seen}</dt>
          <dd>
            <Age time={pool.lastSeenAt} />
          </dd>
        </dl>
      </Paper>
      <ProblemNote error={inventory.error} />
      {inventory.isPending && <Waiting />}
      {inventory.data !== undefined && (
        <Tabs
          value={parameters.get('tab') ?? 'srs'}
          onChange={(tab) => setParameters(tab === null || tab === 'srs' ? {} : { tab }, { replace: true })}
          keepMounted={false}
        >
          <Tabs.List>
            {(Object.keys(T.tabs) as (keyof typeof T.tabs)[]).map((tab) => (
              <Tabs.Tab value={tab} key={tab}>
                {T.tabs[tab]} ({counts[tab]})
              </Tabs.Tab>
            ))}
          </Tabs.List>
          <Tabs.Panel value="srs" pt="sm">
            <Rows label={T.tabs.srs} columns={SRS} rows={srs} keyOf={({ uuid }) => uuid} />
          </Tabs.Panel>
          <Tabs.Panel value="vms" pt="sm">
            <Vms vms={vms} />
          </Tabs.Panel>
          <Tabs.Panel value="hosts" pt="sm">
            <Rows label={T.tabs.hosts} columns={HOSTS} rows={hosts} keyOf={({ uuid }) => uuid} />
          </Tabs.Panel>
          <Tabs.Panel value="networks" pt="sm">
            <Rows label={T.tabs.networks} columns={NETWORKS} rows={networks} keyOf={({ uuid }) => uuid} />
          </Tabs.Panel>
        </Tabs>
      )}
    </Stack>
  )
}

const SRS: readonly Column<InventorySr>[] = [
  {
    key: 'name',
    head: T.sr.name,
    cell: ({ name, shared, usable }) => (
      <Group gap="xs">
        {name}
        {shared && (
          <Badge variant="light" color="gray" tt="none">
            {T.sr.shared}
          </Badge>
        )}
        {!usable && (
          <Badge variant="light" color="yellow" tt="none">
            {T.sr.unusable}
          </Badge>
        )}
      </Group>
    ),
  },
  { key: 'type', head: T.sr.type, cell: ({ type }) => type },
  { key: 'used', head: T.sr.used, cell: (sr) => <Usage sr={sr} /> },
  { key: 'free', head: T.sr.free, kind: 'number', cell: ({ size, used }) => bytes(Math.max(0, size - used)) },
  { key: 'size', head: T.sr.size, kind: 'number', cell: ({ size }) => bytes(size) },
]

type Vm = PoolInventory['vms'][number]
const VMS: readonly Column<Vm>[] = [
  {
    key: 'name',
    head: T.vm.name,
    cell: ({ name, replicaOf }) => (
      <Group gap="xs">
        {name}
        {replicaOf !== null && (
          <Badge variant="light" tt="none">
            {T.vm.replica}
          </Badge>
        )}
      </Group>
    ),
  },
  { key: 'id', head: 'uuid', cell: ({ uuid, name }) => <CopyId id={uuid} of={name} /> },
  { key: 'power', head: T.vm.state, cell: ({ powerState }) => powerState },
  { key: 'tags', head: T.vm.tags, cell: ({ tags }) => tags.join(', ') || '–' },
  {
    key: 'disks',
    head: T.vm.disks,
    kind: 'number',
    cell: ({ disks }) => `${plural(disks.length, 'disk')}, ${bytes(disks.reduce((sum, { size }) => sum + size, 0))}`,
  },
]

function Vms({ vms }: { readonly vms: readonly Vm[] }) {
  const [search, setSearch] = useState('')
  const text = search.trim().toLowerCase()
  const shown = vms.filter(({ name, uuid, tags }) => [name, uuid, ...tags].some((value) => value.toLowerCase().includes(text)))
  return (
    <Stack gap="xs">
      <TextInput
        aria-label={T.vm.search}
        placeholder={T.vm.search}
        value={search}
        onChange={(event) => setSearch(event.currentTarget.value)}
        maw={320}
      />
      {shown.length === 0 ? (
        <Text size="sm">{T.nothing}</Text>
      ) : (
        <Rows label={T.tabs.vms} columns={VMS} rows={shown} keyOf={({ uuid }) => uuid} />
      )}
    </Stack>
  )
}

const HOSTS: readonly Column<PoolInventory['hosts'][number]>[] = [
  { key: 'name', head: T.host.name, cell: ({ name, isMaster }) => (isMaster ? `${name} (${T.host.master})` : name) },
  { key: 'address', head: T.host.address, cell: ({ address }) => address },
  { key: 'state', head: T.host.state, cell: ({ live }) => (live ? T.host.live : T.host.down) },
]
const NETWORKS: readonly Column<PoolInventory['networks'][number]>[] = [
  { key: 'name', head: T.network.name, cell: ({ name }) => name },
  { key: 'vlan', head: T.network.vlan, cell: ({ vlan }) => vlan ?? T.network.none },
  { key: 'purposes', head: T.network.purposes, cell: ({ purposes }) => purposes.join(', ') || '–' },
]
