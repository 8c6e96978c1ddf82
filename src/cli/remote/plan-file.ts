/** A recovery plan in a file, as people write it: VMs by name, and only what is not as usual. */
import type { Protection } from '../../core/control/protection.ts'
import type { PlanGroupSpec, PlanVm, RecoveryPlanSpec } from '../../core/control/recovery-plan-record.ts'
import { Failure } from '../../core/failure.ts'
import { readPlanText } from '../plan-text.ts'
import type { RemoteApi } from './api.ts'
import { find } from './names.ts'

type WrittenVm = string | (Partial<PlanVm> & Pick<PlanVm, 'vm'>)
interface Written extends Partial<Omit<RecoveryPlanSpec, 'groups'>> {
  readonly groups?: readonly (Partial<Omit<PlanGroupSpec, 'vms'>> & { readonly vms?: readonly WrittenVm[] })[]
}

/** Names become uuids here; everything else is checked by the server. Failure RECOVERY_PLAN_INVALID, NAME_UNKNOWN. */
export async function readPlanFile(api: RemoteApi, file: string): Promise<RecoveryPlanSpec> {
  const written = parse(file, readPlanText(file))
  const protections = (await api.replicas.protection({})).filter(({ target }) => target !== null)
  const { groups = [], name = '' } = written
  // What `plan show --json` prints besides is the server's.
  const { id: _, createdAt: __, updatedAt: ___, version: ____, ...rest } = written as Written & Readonly<Record<string, unknown>>
  return {
    description: '',
    onFailure: 'stop',
    ready: ['tools'],
    readyTimeoutSeconds: 300,
    scriptTimeoutSeconds: 600,
    networks: {},
    ...rest,
    name,
    groups: groups.map(({ vms = [], ...group }, nth) => ({
      name: `group ${nth + 1}`,
      delaySeconds: 0,
      before: null,
      after: null,
      ...group,
      vms: vms.map((vm) => planVm(protections, vm)),
    })),
  }
}

function parse(file: string, text: string): Written {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Written
  } catch {
    // as below
  }
  throw new Failure('RECOVERY_PLAN_INVALID', `${file} is no JSON of a plan`)
}

function planVm(protections: readonly Protection[], written: WrittenVm): PlanVm {
  const given = typeof written === 'string' ? { vm: written } : written
  if (given.target !== undefined) return { job: null, ...given, target: given.target }
  const vms = [...new Map(protections.map(({ vm }) => [vm.uuid, { id: vm.uuid, name: vm.name }])).values()]
  const { id, name } = find('protected VM', vms, given.vm)
  const replicas = protections.filter(
    ({ vm, job }) => vm.uuid === id && (given.job === undefined || given.job === null || job === given.job),
  )
  const [only, ...more] = replicas
  if (only?.target === undefined || only.target === null || more.length > 0)
    throw new Failure(
      'RECOVERY_PLAN_INVALID',
      `${name} has ${replicas.length} replicas`,
      'say which one: {"vm", "target": {"pool", "sr"}, "job"}',
    )
  return { ...given, vm: id, target: only.target, job: only.job }
}
