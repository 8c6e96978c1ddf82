/** A recovery plan while it is being made or changed: groups and VMs with keys, so that they can be moved about. */
import type { PlanGroup, PlanVm, RecoveryPlan, RecoveryPlanSpec } from '../../api/types.ts'

export interface DraftGroup extends Omit<PlanGroup, 'vms'> {
  readonly key: string
  readonly vms: readonly PlanVm[]
}
export interface PlanDraft extends Omit<RecoveryPlanSpec, 'groups'> {
  readonly groups: readonly DraftGroup[]
}

export const newGroup = (name: string): DraftGroup => ({
  key: crypto.randomUUID(),
  name,
  delaySeconds: 0,
  before: null,
  after: null,
  vms: [],
})

export const emptyPlan = (groupName: string): PlanDraft => ({
  name: '',
  description: '',
  onFailure: 'stop',
  ready: ['tools'],
  readyTimeoutSeconds: 300,
  scriptTimeoutSeconds: 60,
  networks: {},
  groups: [newGroup(groupName)],
})

export function draftOf({ id: _id, createdAt: _made, updatedAt: _changed, version: _version, ...spec }: RecoveryPlan): PlanDraft {
  return { ...spec, groups: spec.groups.map((group) => ({ ...group, key: crypto.randomUUID() })) }
}

export function specOf({ groups, name, ...plan }: PlanDraft): RecoveryPlanSpec {
  return { ...plan, name: name.trim(), groups: groups.map(({ key: _key, ...group }) => group) }
}

export const keyOfVm = ({ vm, target, job }: PlanVm): string => `${vm} ${target.pool} ${target.sr} ${job}`
const same = (a: PlanVm, b: PlanVm): boolean => keyOfVm(a) === keyOfVm(b)

export function withoutVm(draft: PlanDraft, vm: PlanVm): PlanDraft {
  return { ...draft, groups: draft.groups.map((group) => ({ ...group, vms: group.vms.filter((one) => !same(one, vm)) })) }
}

/** Into another group, at its end. */
export function movedTo(draft: PlanDraft, vm: PlanVm, groupKey: string): PlanDraft {
  const { groups, ...others } = withoutVm(draft, vm)
  return { ...others, groups: groups.map((group) => (group.key === groupKey ? { ...group, vms: [...group.vms, vm] } : group)) }
}

export function groupMoved(draft: PlanDraft, key: string, by: 1 | -1): PlanDraft {
  const at = draft.groups.findIndex((group) => group.key === key)
  const to = at + by
  if (at < 0 || to < 0 || to >= draft.groups.length) return draft
  const groups = [...draft.groups]
  const [group] = groups.splice(at, 1)
  groups.splice(to, 0, group as DraftGroup)
  return { ...draft, groups }
}

export const changedGroup = (draft: PlanDraft, key: string, part: Partial<DraftGroup>): PlanDraft => ({
  ...draft,
  groups: draft.groups.map((group) => (group.key === key ? { ...group, ...part } : group)),
})
