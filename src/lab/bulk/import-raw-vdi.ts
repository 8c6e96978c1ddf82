/** PUT /import_raw_vdi (xen-api ocaml/xapi/import_raw_vdi.ml). */
import type { BulkHandler } from '../http/bulk-routes.ts'
import { type BulkRequest, type LabPool, type Refstring, XapiFailure } from '../pool.ts'
import { tasksOf } from '../tasks/tasks.ts'
import { authorised } from './authorise.ts'
import { BlockDevice } from './block-device.ts'
import { percentSteps } from './percent.ts'
import { receiveFrames, receiveRaw } from './receive-raw.ts'
import { receiveVhd } from './receive-vhd.ts'
import { replyHead } from './reply-head.ts'
import { askedFormat, type Format, namedSr, namedVdi, redirectFor } from './request-objects.ts'
import { runTool } from './run-tool.ts'
import { ToolInput } from './tool-input.ts'
import { Refusal, type TransferTask, underTask } from './transfer-task.ts'

export const importRawVdi: BulkHandler = {
  method: 'PUT',
  path: '/import_raw_vdi',
  handle: (pool, request) =>
    authorised(pool, request, 'put_import_raw_vdi', async () => {
      const vdi = namedVdi(pool, request, 'vdi')
      try {
        const sr = namedSr(pool, request)
        const where = vdi === undefined ? sr : (pool.db.get('VDI', vdi).SR as Refstring)
        if (where === undefined) {
          await badRequest(pool, request, new XapiFailure('VDI_MISSING'))
          return
        }
        const elsewhere = redirectFor(pool, request, where)
        if (elsewhere !== undefined) await request.write(replyHead(302, [`Location: ${elsewhere}`]))
        else await importHere(pool, request, vdi, sr)
      } catch (error) {
        if (error instanceof Refusal) {
          await request.write(replyHead(error.status))
          return
        }
        // An empty 400 comes first, after a 200 too; the page of status 500 follows it.
        await badRequest(pool, request, error)
        throw error
      }
    }),
}

/** Fails the task that the request names, if it still runs, and writes an empty 400. */
async function badRequest(pool: LabPool, request: BulkRequest, failure: unknown): Promise<void> {
  const task = request.parameter('task_id')
  if (task !== undefined && pool.db.find('task', task)) tasksOf(pool).fail(task, failure)
  await request.write(replyHead(400))
}

async function importHere(pool: LabPool, request: BulkRequest, vdi: Refstring | undefined, sr: Refstring | undefined): Promise<void> {
  await underTask(pool, request, 'Importing raw VDI', async (task) => {
    const format = acceptedFormat(request)
    const chunkedFails = isChunked(request) ? pool.faults.chunkedImport(vdi && (pool.db.get('VDI', vdi).uuid as string)) : undefined
    if (chunkedFails === 'refuse') throw new Refusal(404, 'Cannot handle chunked VHD')
    const length = request.headers.get('content-length')
    const target = vdi ?? (await newDisk(pool, format, sr, length))
    await request.write(replyHead(200, [`task-id:${task.ref}`, 'content-type:application/octet-stream']))
    if (format === 'tar' || format === 'qcow2') throw new XapiFailure('INTERNAL_ERROR', [`simulated pools do not import ${format}`])
    if (chunkedFails === 'io-error') throw new XapiFailure('VDI_IO_ERROR', ['Device I/O errors'])
    const framed = isChunked(request) && chunkedFails !== 'ignore'
    await receive(pool, request, target, format, { framed, length: length === undefined ? undefined : Number(length) }, task)
    return target
  })
}

/** The presence of `chunked` counts, not its value. No transfer encoding is accepted, not even `identity`. */
function acceptedFormat(request: BulkRequest): Format {
  const asked = askedFormat(request)
  if ('unknown' in asked) throw new Refusal(404, `Unknown format ${asked.unknown}`)
  if (asked.known !== 'raw' && isChunked(request)) throw new Refusal(404, 'Cannot handle chunked VHD')
  const encoding = request.headers.get('transfer-encoding')
  if (encoding !== undefined) throw new Refusal(404, `Cannot handle encoding: ${encoding}`)
  return asked.known
}

const isChunked = (request: BulkRequest) => request.parameter('chunked') !== undefined

/** Without a VDI one is made, of a raw upload whose length is known. */
async function newDisk(pool: LabPool, format: Format, sr: Refstring | undefined, length: string | undefined): Promise<Refstring> {
  if (format === 'qcow2' || format === 'vhd')
    throw new Refusal(400, `Importing a ${format.toUpperCase()} directly into an SR not yet supported`)
  if (format !== 'raw' || sr === undefined || length === undefined) throw new Refusal(400, 'Not enough info supplied to import')
  const made = await pool.invoke('VDI.create', {
    name_label: 'Imported VDI',
    name_description: '',
    SR: sr,
    virtual_size: Number(length),
    type: 'user',
    sharable: false,
    read_only: false,
    other_config: {},
    xenstore_data: {},
    sm_config: {},
    tags: [],
  })
  return made as Refstring
}

/** Attaches the disk to dom0 for the time of the upload. */
async function receive(
  pool: LabPool,
  request: BulkRequest,
  vdi: Refstring,
  format: 'raw' | 'vhd',
  { framed, length }: { readonly framed: boolean; readonly length: number | undefined },
  task: TransferTask,
): Promise<void> {
  const attachment = await pool.storage.attach(vdi, 'RW', 'import', request.host)
  try {
    const input = new ToolInput(request)
    const device = new BlockDevice(attachment.disk)
    const report = percentSteps(task.progress)
    await runTool(async () => {
      if (framed) await receiveFrames(input, device)
      else if (format === 'raw') await receiveRaw(input, device, length, report)
      else await receiveVhd(input, device, length, report)
    })
  } finally {
    await attachment.detach()
  }
}
