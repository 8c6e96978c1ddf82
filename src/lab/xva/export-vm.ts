/** GET /export: a VM with its disks as an archive (xen-api ocaml/xapi/export.ml). */
import { authorised } from '../bulk/authorise.ts'
import { replyHead } from '../bulk/reply-head.ts'
import { redirectFor } from '../bulk/request-objects.ts'
import { underTask } from '../bulk/transfer-task.ts'
import { flag, isNullRef, text, texts } from '../classes/fields.ts'
import { withVmOperation } from '../classes/operation-lock.ts'
import type { BulkHandler } from '../http/bulk-routes.ts'
import { ReplyPage } from '../http/reply-page.ts'
import { type BulkRequest, type LabPool, type Refstring, XapiFailure } from '../pool.ts'
import { tasksOf } from '../tasks/tasks.ts'
import { type ByteSink, type Compression, compressedSink, plainSink } from './byte-streams.ts'
import { collectNames, collectObjects, FULL_EXPORT, type NameTable } from './collect-objects.ts'
import { encodeOvaXml, OVA_XML, softwareVersion } from './ova-xml.ts'
import { diskProgress, setCancellable } from './progress.ts'
import { sendDisk } from './send-disks.ts'
import { encodeTarHeader, paddingAfter, TAR_END } from './tar-header.ts'

/** How long another operation on the VM is waited for (Policy.fail_quickly in xen-api ocaml/xapi/helpers.ml). */
export const LOCK_PATIENCE_MS = 3000

export const exportVm: BulkHandler = {
  method: 'GET',
  path: '/export',
  handle: (pool, request) =>
    authorised(pool, request, 'get_export', async () => {
      const vm = vmOf(pool, request)
      const elsewhere = await redirect(pool, request, vm)
      if (elsewhere !== undefined) await request.write(replyHead(302, [`Location: ${elsewhere}`]))
      else await exportHere(pool, request, vm)
    }),
}

/** By `ref`, dead or alive, else by `uuid`: UUID_INVALID. */
export function vmOf(pool: LabPool, request: BulkRequest): Refstring {
  const ref = request.query.get('ref')
  if (ref !== null) return ref
  const uuid = request.query.get('uuid')
  if (uuid === null) throw new Error('Not_found')
  const found = pool.db.byUuid('VM', uuid)
  if (found === undefined) throw new XapiFailure('UUID_INVALID', ['VM', uuid])
  return found
}

/**
 * Where else to ask, when this host does not see all of the VM's disks. When no host does, or there is no such VM, the task fails
 * and the connection closes without a reply.
 */
async function redirect(pool: LabPool, request: BulkRequest, vm: Refstring): Promise<string | undefined> {
  try {
    const row = pool.db.get('VM', vm)
    const disks = texts(row, 'VBDs').map((vbd) => text(pool.db.get('VBD', vbd), 'VDI'))
    if (text(row, 'power_state') === 'Suspended') disks.push(text(row, 'suspend_VDI'))
    const srs = new Set(disks.filter((vdi) => !isNullRef(vdi)).map((vdi) => text(pool.db.get('VDI', vdi), 'SR')))
    return redirectFor(pool, request, ...srs)
  } catch (error) {
    if (!(error instanceof XapiFailure)) throw error
    const task = request.parameter('task_id')
    if (task !== undefined && pool.db.find('task', task)) tasksOf(pool).fail(task, error)
    throw new ReplyPage('silent')
  }
}

async function exportHere(pool: LabPool, request: BulkRequest, vm: Refstring): Promise<void> {
  await underTask(pool, request, 'VM.export', async (task) => {
    const preservePowerState = booleanOf(request.parameter('preserve_power_state'), false)
    const call = { pool, session: '', task: tasksOf(pool).handle(task.ref) }
    await withVmOperation(call, { vm, operation: 'export', patienceMs: LOCK_PATIENCE_MS }, async () => {
      await request.write(archiveHead(pool, task.ref))
      const compression = compressionOf(request.query.get('use_compression'))
      const sink = compression === undefined ? plainSink(request) : compressedSink(request, compression)
      try {
        await sendVm(pool, sink, vm, { preservePowerState, task: task.ref, ...(request.host === undefined ? {} : { host: request.host }) })
        await sink.end()
      } catch (error) {
        // Somebody who hung up is told nothing, but the task is (write_block in stream_vdi.ml).
        throw request.gone ? new XapiFailure('CLIENT_ERROR', ['the connection was closed']) : error
      } finally {
        sink.abandon()
      }
    })
    return undefined
  })
}

/** The head is of HTTP/1.0, whatever was asked in. */
export function archiveHead(pool: LabPool, task: Refstring, length?: number): string {
  const { major, minor } = softwareVersion(pool)
  const headers = [
    `task-id: ${task}`,
    `Server: xapi/${major}.${minor}`,
    'content-type: application/octet-stream',
    ...(length === undefined ? [] : [`Content-Length: ${length}`]),
    'Content-Disposition: attachment; filename="export.xva"',
  ]
  return replyHead(200, headers).replace('HTTP/1.1', 'HTTP/1.0')
}

/** `true` is the older name of gzip; what is not known means none. */
function compressionOf(value: string | null): Compression | undefined {
  if (value === 'true' || value === 'gzip') return 'gzip'
  return value === 'zstd' ? 'zstd' : undefined
}

/** Reads booleans as OCaml does. */
export function booleanOf(value: string | null | undefined, absent: boolean): boolean {
  if (value === undefined || value === null) return absent
  if (value !== 'true' && value !== 'false') throw new Error('Invalid_argument("bool_of_string")')
  return value === 'true'
}

interface Sending {
  readonly preservePowerState: boolean
  readonly task: Refstring
  /** The host that sends. */
  readonly host?: Refstring
}

async function sendVm(pool: LabPool, sink: ByteSink, vm: Refstring, { preservePowerState, task, host }: Sending): Promise<void> {
  const options = { ...FULL_EXPORT, preservePowerState }
  const names = collectNames(pool, [vm], options)
  await sink.write(metadataMember(pool, encodeOvaXml(pool, collectObjects(pool, names, options))))
  const disks = disksToSend(pool, vm, names, preservePowerState)
  const sizes = disks.map(([, vdi]) => pool.db.get('VDI', vdi).virtual_size as number)
  setCancellable(pool, task, true)
  const done = diskProgress(
    pool,
    task,
    sizes.reduce((a, b) => a + b, 0),
  )
  for (const [id, vdi] of disks) {
    const attachment = await pool.storage.attach(vdi, 'RO', 'export', host)
    try {
      await sendDisk(sink, { id, disk: attachment.disk }, done)
    } finally {
      await attachment.detach()
    }
  }
  await sink.write(TAR_END)
}

/** The first member of an archive, padded. */
export function metadataMember(pool: LabPool, xml: Buffer): Buffer {
  const time = Math.floor(pool.now().getTime() / 1000)
  return Buffer.concat([encodeTarHeader(OVA_XML, xml.length, time), xml, Buffer.alloc(paddingAfter(xml.length))])
}

/** Disks of the VM's VBDs that are no drives and not in a library of discs, and the memory of a suspended VM; sorted as text. */
function disksToSend(pool: LabPool, vm: Refstring, names: NameTable, preservePowerState: boolean): [id: string, vdi: Refstring][] {
  const { db } = pool
  const row = db.get('VM', vm)
  const vbds = texts(row, 'VBDs').map((vbd) => db.get('VBD', vbd))
  const vdis = vbds.filter((vbd) => text(vbd, 'type') !== 'CD' && !flag(vbd, 'empty')).map((vbd) => text(vbd, 'VDI'))
  if (preservePowerState && text(row, 'power_state') === 'Suspended') vdis.unshift(text(row, 'suspend_VDI'))
  return vdis
    .filter((vdi) => text(db.get('SR', text(db.get('VDI', vdi), 'SR')), 'content_type') !== 'iso')
    .flatMap((vdi) => {
      const id = names.get(vdi)
      return id === undefined ? [] : [[id, vdi] as [string, string]]
    })
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
}
