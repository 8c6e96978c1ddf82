/** What tests of continuing the original's chains share. */
import assert from 'node:assert/strict'
import type { RunReport } from '../../src/core/report.ts'
import type { ControlledLabPool } from './lab.ts'
import { attachedDisks } from './original-chain.ts'
import { originalSelection } from './original-selection.ts'
import {
  assertProtected,
  type Chain,
  hashesOf,
  hashOf,
  look,
  type MadeVm,
  type RunChanges,
  replicate,
  restorePoints,
  withXapi,
} from './replicating.ts'

export type Adopted = Chain & { readonly schedule: string }

/** By userdevice. */
export async function hashesOfVm(pool: ControlledLabPool, uuid: string): Promise<Record<string, string>> {
  const disks = await withXapi(pool, async (xapi) => attachedDisks(xapi, await xapi.byUuid('VM', uuid)))
  return Object.fromEntries(await Promise.all(disks.map(async ({ userdevice, record }) => [userdevice, await hashOf(pool, record.uuid)])))
}

/** Of all VMs and disks of a pool. */
export async function uuidsOf(pool: ControlledLabPool): Promise<Set<string>> {
  const { VM, VDI } = await look(pool)
  return new Set([...VM.values(), ...VDI.values()].map(({ uuid }) => uuid))
}

/** A run of ours whose restore point is the source as it is, on a protected replica, and which the original could go on from. */
export async function goOn(chain: Adopted, vm: MadeVm, retention = 3, changes: RunChanges = {}): Promise<RunReport> {
  const report = await replicate(chain, { retention, ...changes })
  const seen = await look(chain.target)
  const point = restorePoints(seen, chain).find(({ run }) => run === report.run)
  assert.ok(point)
  assert.deepEqual(await hashesOfVm(chain.target, point.uuid), await hashesOf(chain.source, vm))
  assertProtected(seen, chain)
  const selection = await originalSelection(chain, chain.schedule)
  assert.deepEqual(selection.problems, [])
  assert.equal(selection.vm, report.replica.uuid)
  assert.equal(selection.entries.at(-1), point.uuid)
  return report
}

export const modes = ({ disks }: RunReport): string[] => disks.map(({ mode }) => mode)
export const codes = ({ warnings }: RunReport): string[] => warnings.map(({ code }) => code)
export const landings = ({ plan }: RunReport): string[] =>
  plan.disks.map((disk) => (disk.mode === 'skipped' ? 'skipped' : disk.choice.landing.kind))
