import { Select } from '@mantine/core'
import { useHotkeys } from '@mantine/hooks'
import { MagnifyingGlassIcon } from '@radix-ui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { useMemo, useRef, useState } from 'react'
import { useNavigate } from 'react-router'
import { jobsQuery, poolsQuery, protectionsQuery } from '../api/queries.ts'
import { replicaPath } from '../parts/paths.ts'
import { TEXTS } from '../texts/en.ts'

const MOST = 12
const isUuid = (text: string) => /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text.trim())

/** A VM, job or run by its name or uuid; `/` goes there. */
export function Search() {
  const field = useRef<HTMLInputElement>(null)
  const [wanted, setWanted] = useState('')
  const navigate = useNavigate()
  const protections = useQuery(protectionsQuery).data
  const jobs = useQuery(jobsQuery).data
  const pools = useQuery(poolsQuery).data
  useHotkeys([['/', () => field.current?.focus()]])
  const found = useMemo(() => {
    const text = wanted.trim().toLowerCase()
    const matches = (...values: readonly (string | null)[]) => values.some((value) => value?.toLowerCase().includes(text))
    const vms = new Map<string, string>()
    for (const one of protections ?? []) {
      if (vms.size >= MOST) break
      if (!matches(one.vm.name, one.vm.uuid, one.replica)) continue
      const path = one.target === null ? `/replicas?vm=${one.vm.uuid}` : replicaPath(one.target, one.vm.uuid)
      if (!vms.has(path)) vms.set(path, one.jobName === null ? one.vm.name : `${one.vm.name} (${one.jobName})`)
    }
    const jobsFound = (jobs ?? [])
      .filter(({ name, id, schedules }) => matches(name, id, ...schedules.map((schedule) => schedule.id)))
      .slice(0, MOST)
      .map(({ id, name }) => ({ value: `/jobs/${id}`, label: name }))
    const poolsFound = (pools ?? [])
      .filter(({ name, id, poolUuid }) => matches(name, id, poolUuid))
      .slice(0, MOST)
      .map(({ id, name }) => ({ value: `/settings/pools/${id}`, label: name }))
    const groups = [
      { group: TEXTS.search.vms, items: [...vms].map(([value, label]) => ({ value, label })) },
      { group: TEXTS.search.jobs, items: jobsFound },
      { group: TEXTS.search.pools, items: poolsFound },
    ].filter(({ items }) => items.length > 0)
    if (groups.length > 0 || !isUuid(wanted)) return groups
    return [{ group: TEXTS.nav.activity, items: [{ value: `/runs/${wanted.trim()}`, label: TEXTS.search.run(wanted.trim()) }] }]
  }, [wanted, protections, jobs, pools])
  return (
    <Select
      ref={field}
      className="find"
      size="xs"
      searchable
      aria-label={TEXTS.search.label}
      placeholder={TEXTS.search.placeholder}
      leftSection={<MagnifyingGlassIcon aria-hidden />}
      rightSection={<span />}
      data={found}
      // They are found already.
      filter={({ options }) => options}
      searchValue={wanted}
      onSearchChange={setWanted}
      value={null}
      nothingFoundMessage={TEXTS.search.nothing}
      comboboxProps={{ transitionProps: { duration: 0 } }}
      onChange={(path) => {
        if (path === null) return
        setWanted('')
        field.current?.blur()
        void navigate(path)
      }}
    />
  )
}
