/** GET /export_raw_vdi (xen-api ocaml/xapi/export_raw_vdi.ml). */
import { BLOCK_SIZE } from '../../vhd/plan-vhd.ts'
import type { BulkHandler } from '../http/bulk-routes.ts'
import { type Attachment, type BulkRequest, type LabPool, type Refstring, XapiFailure } from '../pool.ts'
import { authorised } from './authorise.ts'
import { assertComparable, backingOf, blocksWithData, qcow2Differences, qcow2Extents } from './export-content.ts'
import { percentSteps } from './percent.ts'
import { replyHead } from './reply-head.ts'
import { askedFormat, type Format, namedVdi, redirectFor } from './request-objects.ts'
import { runTool } from './run-tool.ts'
import { sendQcow2, sendRaw, sendVhd } from './send.ts'
import { Refusal, type TransferTask, underTask } from './transfer-task.ts'

/** Largest disk that is exported as VHD: 2040 GiB (max_vhd_size in xen-api ocaml/xapi-consts/constants.ml). */
const MAX_VHD_BYTES = 2040 * 1024 ** 3

const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  raw: 'application/octet-stream',
  vhd: 'application/vhd',
  qcow2: 'application/x-qemu-disk',
  tar: 'application/x-tar',
}

export const exportRawVdi: BulkHandler = {
  method: 'GET',
  path: '/export_raw_vdi',
  handle: (pool, request) =>
    authorised(pool, request, 'get_export_raw_vdi', async () => {
      const vdi = namedVdi(pool, request, 'vdi')
      if (vdi === undefined) throw new Error('Missing vdi query parameter')
      const elsewhere = redirectFor(pool, request, pool.db.get('VDI', vdi).SR as Refstring)
      if (elsewhere !== undefined) await request.write(replyHead(302, [`Location: ${elsewhere}`]))
      else await exportHere(pool, request, vdi)
    }),
}

async function exportHere(pool: LabPool, request: BulkRequest, vdi: Refstring): Promise<void> {
  const asked = askedFormat(request)
  try {
    await underTask(pool, request, 'Exporting raw VDI', async (task) => {
      if ('unknown' in asked) throw new Refusal(404, `Unknown format ${asked.unknown}`)
      const format = asked.known
      await request.write(
        replyHead(200, [
          `task-id:${task.ref}`,
          `content-type:${CONTENT_TYPES[format]}`,
          `content-disposition: attachment; filename="${pool.db.get('VDI', vdi).uuid}.${format}"`,
        ]),
      )
      await exportAs(pool, request, vdi, format, task)
      return undefined
    })
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    await request.write(replyHead(error.status))
  }
}

/** Attaches the disk, then the base, and sends. What fails from here on comes after the 200. */
async function exportAs(pool: LabPool, request: BulkRequest, vdi: Refstring, format: Format, task: TransferTask): Promise<void> {
  if (format === 'tar') throw new XapiFailure('INTERNAL_ERROR', [`simulated pools do not export ${format}`])
  const size = pool.db.get('VDI', vdi).virtual_size as number
  if (format === 'vhd' && size > MAX_VHD_BYTES) throw new XapiFailure('VDI_TOO_LARGE', [vdi, String(MAX_VHD_BYTES)])
  await attached(pool, request, vdi, async ({ disk }) => {
    const base = namedVdi(pool, request, 'base')
    const report = percentSteps(task.progress)
    if (base !== undefined && format !== 'qcow2') assertComparable(pool, vdi, base)
    const asVhd = async (blocks: readonly number[] | undefined) => {
      const parent = base === undefined ? {} : { base: parentOf(pool, base) }
      if (backingOf(pool, vdi) === 'vhd') {
        const within = (blocks ?? disk.allocatedBlocks()).filter((block) => block * BLOCK_SIZE < disk.size)
        return sendVhd(request, disk, { size: disk.size, blocks: within, ...parent }, report)
      }
      const size = Math.ceil(disk.size / BLOCK_SIZE) * BLOCK_SIZE
      return sendVhd(request, disk, { size, blocks: await blocksWithData(disk) }, report)
    }
    const send = (other?: Attachment) =>
      runTool(async () => {
        if (format === 'qcow2') {
          const extents = other === undefined ? await qcow2Extents(pool, vdi, disk) : await qcow2Differences(disk, other.disk)
          return sendQcow2(request, disk, extents, report)
        }
        const blocks = base === undefined ? undefined : pool.storage.blocksBetween(base, vdi)
        return format === 'raw' ? sendRaw(request, disk, blocks, report) : asVhd(blocks)
      })
    if (base === undefined) await send()
    else await attached(pool, request, base, send)
  })
}

/** How a differencing export names the base: by the uuid inside its VHD, which isn't the VDI's, and by the path of its file. */
function parentOf(pool: LabPool, base: Refstring): { uuid: string; path: string } {
  const { uuid, SR } = pool.db.get('VDI', base)
  const sr = pool.db.get('SR', SR as Refstring).uuid
  return { uuid: pool.storage.footerUuid(base), path: `/run/sr-mount/${sr}/${uuid}.vhd` }
}

async function attached(
  pool: LabPool,
  { host }: BulkRequest,
  vdi: Refstring,
  use: (attachment: Attachment) => Promise<void>,
): Promise<void> {
  const attachment = await pool.storage.attach(vdi, 'RO', 'export', host)
  try {
    await use(attachment)
  } finally {
    await attachment.detach()
  }
}
