/** A group of a plan: a column with its VMs as cards, which are moved by buttons or by drag and drop. */
import { ActionIcon, Group, NumberInput, Select, Stack, Text, TextInput, Tooltip, UnstyledButton } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { ArrowLeftIcon, ArrowRightIcon, ChevronDownIcon, ChevronRightIcon, Cross2Icon, TrashIcon } from '@radix-ui/react-icons'
import type { DragEvent } from 'react'
import type { PlanCheck, PlanVm, Protection } from '../../api/types.ts'
import { duration } from '../../parts/measures.ts'
import type { Names } from '../../parts/use-names.ts'
import { TEXTS } from '../../texts/en.ts'
import { changedGroup, type DraftGroup, groupMoved, keyOfVm, movedTo, type PlanDraft, withoutVm } from './draft.ts'

const T = TEXTS.plans
const DRAGGED = 'application/x-understudy-vm'

interface EditGroupProps {
  readonly nth: number
  readonly group: DraftGroup
  readonly draft: PlanDraft
  onChange(draft: PlanDraft): void
  readonly protections: readonly Protection[]
  readonly names: Names
  readonly check?: PlanCheck
}

export function EditGroup({ nth, group, draft, onChange, protections, names, check }: EditGroupProps) {
  const { key, name, delaySeconds, vms } = group
  const set = (part: Partial<DraftGroup>) => onChange(changedGroup(draft, key, part))
  const taken = new Set(draft.groups.flatMap((one) => one.vms).map(keyOfVm))
  const choices = protections
    .filter((one) => one.job !== null && one.target !== null && one.replica !== null)
    .map((one) => ({ vm: { vm: one.vm.uuid, target: one.target as never, job: one.job }, one }))
    .filter(({ vm }) => !taken.has(keyOfVm(vm)))
  const drop = (event: DragEvent) => {
    const dragged = event.dataTransfer.getData(DRAGGED)
    const vm = draft.groups.flatMap((one) => one.vms).find((one) => keyOfVm(one) === dragged)
    if (vm === undefined) return
    event.preventDefault()
    onChange(movedTo(draft, vm, key))
  }
  return (
    <section
      className="group"
      aria-label={T.groupOf(nth + 1, name)}
      onDragOver={(event) => event.dataTransfer.types.includes(DRAGGED) && event.preventDefault()}
      onDrop={drop}
    >
      <Stack gap="xs">
        <Group gap={4} wrap="nowrap" align="flex-end">
          <TextInput
            label={T.nameOfGroup(nth + 1)}
            size="xs"
            flex={1}
            value={name}
            onChange={(event) => set({ name: event.currentTarget.value })}
          />
          <Icon label={T.earlier(name)} isOff={nth === 0} act={() => onChange(groupMoved(draft, key, -1))}>
            <ArrowLeftIcon />
          </Icon>
          <Icon label={T.later(name)} isOff={nth === draft.groups.length - 1} act={() => onChange(groupMoved(draft, key, 1))}>
            <ArrowRightIcon />
          </Icon>
          <Icon
            label={T.dropGroup(name)}
            isOff={draft.groups.length === 1}
            act={() => onChange({ ...draft, groups: draft.groups.filter((one) => one.key !== key) })}
          >
            <TrashIcon />
          </Icon>
        </Group>
        <NumberInput
          size="xs"
          label={T.delay}
          min={0}
          max={86_400}
          allowDecimal={false}
          value={delaySeconds}
          onChange={(value) => typeof value === 'number' && set({ delaySeconds: value })}
        />
        {vms.map((vm) => (
          <VmCard
            key={keyOfVm(vm)}
            vm={vm}
            nth={nth}
            draft={draft}
            group={group}
            onChange={onChange}
            name={protections.find((one) => one.vm.uuid === vm.vm)?.vm.name ?? vm.vm.slice(0, 8)}
            where={names.target(vm.target)}
            {...(check === undefined ? {} : { check })}
          />
        ))}
        <Select
          size="xs"
          searchable
          label={T.addVm(name)}
          placeholder={choices.length === 0 ? T.noMoreVms : T.addVmHint}
          disabled={choices.length === 0}
          data={choices.map(({ vm, one }) => ({
            value: keyOfVm(vm),
            label: `${one.vm.name} (${one.jobName}, ${names.target(vm.target)})`,
          }))}
          value={null}
          onChange={(value) => {
            const chosen = choices.find(({ vm }) => keyOfVm(vm) === value)
            if (chosen !== undefined) set({ vms: [...vms, chosen.vm] })
          }}
        />
        <Programs group={group} set={set} />
      </Stack>
    </section>
  )
}

function VmCard({
  vm,
  nth,
  group,
  draft,
  onChange,
  name,
  where,
  check,
}: {
  readonly vm: PlanVm
  readonly nth: number
  readonly group: DraftGroup
  readonly draft: PlanDraft
  onChange(draft: PlanDraft): void
  readonly name: string
  readonly where: string
  readonly check?: PlanCheck
}) {
  const to = (by: 1 | -1) => {
    const other = draft.groups[nth + by]
    if (other !== undefined) onChange(movedTo(draft, vm, other.key))
  }
  const loss = check?.vms.find((one) => one.vm === vm.vm && one.group === group.name)?.lossSeconds
  const problem = check?.problems.find((one) => one.vm === vm.vm && one.group === group.name)
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: what dragging does is done by buttons as well
    <div
      className="card"
      draggable
      data-look={problem === undefined ? 'plain' : 'bad'}
      onDragStart={(event) => event.dataTransfer.setData(DRAGGED, keyOfVm(vm))}
    >
      <Group justify="space-between" wrap="nowrap" gap={4}>
        <Text size="sm" fw={600} className="wrap">
          {name}
        </Text>
        <Group gap={0} wrap="nowrap">
          <Icon label={T.vmEarlier(name)} isOff={nth === 0} act={() => to(-1)}>
            <ArrowLeftIcon />
          </Icon>
          <Icon label={T.vmLater(name)} isOff={nth === draft.groups.length - 1} act={() => to(1)}>
            <ArrowRightIcon />
          </Icon>
          <Icon label={T.dropVm(name)} act={() => onChange(withoutVm(draft, vm))}>
            <Cross2Icon />
          </Icon>
        </Group>
      </Group>
      <Text size="xs" c="dimmed">
        {where}
      </Text>
      {problem !== undefined && <Text size="xs">{problem.text}</Text>}
      {loss !== undefined && loss !== null && <Text size="xs">{T.age(duration(loss))}</Text>}
    </div>
  )
}

function Programs({ group, set }: { readonly group: DraftGroup; set(part: Partial<DraftGroup>): void }) {
  const { before, after, name } = group
  const [opened, { toggle }] = useDisclosure(before !== null || after !== null)
  const orNull = (text: string) => (text === '' ? null : text)
  return (
    <>
      <UnstyledButton onClick={toggle} aria-expanded={opened} fz="xs" aria-label={T.programsOf(name)}>
        <Group gap={4}>
          {opened ? <ChevronDownIcon aria-hidden /> : <ChevronRightIcon aria-hidden />}
          {T.programs}
        </Group>
      </UnstyledButton>
      {opened && (
        <>
          <TextInput
            size="xs"
            label={T.before}
            placeholder="/usr/local/bin/…"
            value={before ?? ''}
            onChange={(event) => set({ before: orNull(event.currentTarget.value) })}
          />
          <TextInput
            size="xs"
            label={T.after}
            placeholder="/usr/local/bin/…"
            value={after ?? ''}
            onChange={(event) => set({ after: orNull(event.currentTarget.value) })}
          />
        </>
      )}
    </>
  )
}

function Icon({
  label,
  isOff = false,
  act,
  children,
}: {
  readonly label: string
  readonly isOff?: boolean
  act(): void
  readonly children: React.ReactNode
}) {
  return (
    <Tooltip label={label}>
      <ActionIcon variant="subtle" color="gray" size="md" aria-label={label} disabled={isOff} onClick={act}>
        {children}
      </ActionIcon>
    </Tooltip>
  )
}
