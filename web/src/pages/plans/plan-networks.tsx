import { Select, Stack, Text } from '@mantine/core'
import type { Protection } from '../../api/types.ts'
import type { Names } from '../../parts/use-names.ts'
import { TEXTS } from '../../texts/en.ts'
import type { PlanDraft } from './draft.ts'

const T = TEXTS.plans
const NONE = 'none'

/** Of the networks that the replicas have, each with those of their pool to choose from. */
export function PlanNetworks({
  draft,
  protections,
  names,
  onChange,
}: {
  readonly draft: PlanDraft
  readonly protections: readonly Protection[]
  readonly names: Names
  onChange(networks: PlanDraft['networks']): void
}) {
  const vms = draft.groups.flatMap((group) => group.vms)
  const pools = [...new Set(vms.map(({ target }) => target.pool))]
  const used = vms.flatMap(({ vm, target, job }) => {
    const chain = protections.find((one) => one.vm.uuid === vm && one.target?.sr === target.sr && (job === null || one.job === job))
    return chain?.replica == null ? [] : (names.vm(target.pool, chain.replica)?.networks ?? [])
  })
  const known = names.inventories.filter(({ pool }) => pools.includes(pool)).flatMap(({ networks }) => networks)
  const nameOf = (uuid: string) => known.find((one) => one.uuid === uuid)?.name ?? uuid
  const rows = [...new Set([...used, ...Object.keys(draft.networks)])]
  if (rows.length === 0) return null
  return (
    <Stack gap={6}>
      <Text size="sm" fw={500}>
        {T.networks}
      </Text>
      <Text size="xs" c="dimmed">
        {T.networksHint}
      </Text>
      {rows.map((uuid) => {
        const to = draft.networks[uuid]
        return (
          <Select
            key={uuid}
            label={nameOf(uuid)}
            maw={420}
            clearable
            placeholder={T.networkSame}
            data={[
              { value: NONE, label: TEXTS.form.advanced.networkNone },
              ...known.filter((one) => one.uuid !== uuid).map((one) => ({ value: one.uuid, label: one.name })),
            ]}
            value={to === undefined ? null : (to ?? NONE)}
            onChange={(value) => {
              const { [uuid]: _, ...others } = draft.networks
              onChange(value === null ? others : { ...others, [uuid]: value === NONE ? null : value })
            }}
          />
        )
      })}
    </Stack>
  )
}
