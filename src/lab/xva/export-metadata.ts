/** GET /export_metadata: the records of one VM, or of all, without disks (xen-api ocaml/xapi/export.ml, metadata_handler). */
import { authorised } from '../bulk/authorise.ts'
import { underTask } from '../bulk/transfer-task.ts'
import { flag, map } from '../classes/fields.ts'
import { withVmOperation } from '../classes/operation-lock.ts'
import type { BulkHandler } from '../http/bulk-routes.ts'
import type { BulkRequest, Call, LabPool, Refstring } from '../pool.ts'
import { tasksOf } from '../tasks/tasks.ts'
import { collectNames, collectObjects } from './collect-objects.ts'
import { archiveHead, booleanOf, LOCK_PATIENCE_MS, metadataMember, vmOf } from './export-vm.ts'
import { encodeOvaXml } from './ova-xml.ts'
import { TAR_END } from './tar-header.ts'

export const exportMetadata: BulkHandler = {
  method: 'GET',
  path: '/export_metadata',
  handle: (pool, request) =>
    authorised(pool, request, 'get_export_metadata', () =>
      underTask(pool, request, 'VM.export_metadata', async (task) => {
        const asked = (name: string, absent: boolean) => booleanOf(request.query.get(name), absent)
        const options = {
          snapshots: asked('export_snapshots', true),
          preservePowerState: true,
          vhdParents: asked('include_vhd_parents', false),
          excluded: new Set((request.query.get('excluded_device_types') ?? '').split(',')),
        }
        const vms = asked('all', false) ? allVms(pool, asked('include_dom0', true)) : [vmOf(pool, request)]
        const call = { pool, session: '', task: tasksOf(pool).handle(task.ref) }
        const archive = await locked(call, vms, () => {
          const objects = collectObjects(pool, collectNames(pool, vms, options), options)
          return Buffer.concat([metadataMember(pool, encodeOvaXml(pool, objects)), TAR_END])
        })
        await request.write(archiveHead(pool, task.ref, archive.length))
        await writeAll(request, archive)
        return undefined
      }),
    ),
}

async function locked<T>(call: Call, [vm, ...others]: readonly Refstring[], work: () => T): Promise<T> {
  if (vm === undefined) return work()
  const lock = { vm, operation: 'metadata_export', patienceMs: LOCK_PATIENCE_MS }
  return withVmOperation(call, lock, () => locked(call, others, work))
}

async function writeAll(request: BulkRequest, archive: Buffer): Promise<void> {
  for (let at = 0; at < archive.length; at += 1 << 20) await request.write(archive.subarray(at, at + (1 << 20)))
}

function allVms(pool: LabPool, includeDom0: boolean): Refstring[] {
  return pool.db.refs('VM').filter((vm) => {
    const row = pool.db.get('VM', vm)
    const standard =
      flag(row, 'is_default_template') || (flag(row, 'is_a_template') && map(row, 'other_config').default_template === 'true')
    return !standard && (includeDom0 || !flag(row, 'is_control_domain'))
  })
}
