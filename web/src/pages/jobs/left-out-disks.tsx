import { MultiSelect } from '@mantine/core'
import type { Preview } from '../../api/types.ts'
import { bytes } from '../../parts/measures.ts'
import type { Names } from '../../parts/use-names.ts'
import { TEXTS } from '../../texts/en.ts'

const T = TEXTS.form.advanced

/** Disks that are not copied, of the VMs that are chosen now. One that is not seen any more stays, by its uuid. */
export function LeftOutDisks({
  value,
  onChange,
  names,
  preview,
}: {
  readonly value: readonly string[]
  onChange(disks: readonly string[]): void
  readonly names: Names
  readonly preview: Preview | undefined
}) {
  const seen = (preview?.vms ?? []).flatMap(({ pool, vm }) => {
    const found = names.vm(pool, vm)
    return (found?.disks ?? []).map((disk) => ({ value: disk.uuid, label: diskInWords(found?.name ?? vm, disk) }))
  })
  const unseen = value.filter((uuid) => !seen.some((one) => one.value === uuid)).map((uuid) => ({ value: uuid, label: uuid }))
  if (seen.length + unseen.length === 0) return null
  return (
    <MultiSelect
      label={T.leftOut}
      description={T.leftOutHint}
      maw={640}
      searchable
      clearable
      limit={200}
      data={[...seen, ...unseen]}
      value={[...value]}
      onChange={onChange}
    />
  )
}

export const diskInWords = (
  vm: string,
  { userdevice, name, size }: { readonly userdevice: string; readonly name: string; readonly size: number },
) => T.diskOf(vm, userdevice, name, bytes(size))
