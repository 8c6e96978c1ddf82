/** PUT /import: a VM with its disks from an archive; PUT /import_metadata: its records alone (xen-api ocaml/xapi/import.ml). */
import { authorised } from '../bulk/authorise.ts'
import { replyHead } from '../bulk/reply-head.ts'
import { namedSr, redirectFor } from '../bulk/request-objects.ts'
import { underTask } from '../bulk/transfer-task.ts'
import { flag, map, text, without } from '../classes/fields.ts'
import type { BulkHandler } from '../http/bulk-routes.ts'
import { type BulkRequest, type LabPool, type Refstring, type Value, XapiFailure } from '../pool.ts'
import type { ByteSource } from './byte-streams.ts'
import { importObjects } from './import-objects.ts'
import { type ImportOptions, type ImportState, imported, inArchive, takeBack } from './import-state.ts'
import { assertSeedsAreFree } from './import-vm-record.ts'
import { type ArchiveVersion, decodeOvaXml, EXPORT_VERSION, softwareVersion } from './ova-xml.ts'
import { diskProgress, failIfCancelled, setCancellable } from './progress.ts'
import { openArchive, PrematureEnd } from './read-archive.ts'
import { type FirstChunk, receiveDisk } from './receive-disks.ts'

export const importVm: BulkHandler = {
  method: 'PUT',
  path: '/import',
  handle: (pool, request) =>
    authorised(pool, request, 'put_import', async () => {
      const sr = namedSr(pool, request) ?? defaultSr(pool)
      const elsewhere = redirectFor(pool, request, sr)
      if (elsewhere !== undefined) await request.write(replyHead(302, [`Location: ${elsewhere}`]))
      else await underTask(pool, request, 'VM.import', ({ ref }) => importHere(pool, request, ref, sr), 'VM ref set')
    }),
}

export const importMetadata: BulkHandler = {
  method: 'PUT',
  path: '/import_metadata',
  handle: (pool, request) =>
    authorised(pool, request, 'put_import_metadata', () =>
      underTask(
        pool,
        request,
        'VM.metadata_import',
        async ({ ref }) => {
          if (isTrue(request, 'dry_run') || isTrue(request, 'live'))
            throw new XapiFailure('INTERNAL_ERROR', ['simulated pools do not rehearse migrations'])
          await request.write(okHead(ref))
          return explained(() => importArchive(pool, request, ref, optionsOf(request, undefined)))
        },
        'VM ref set',
      ),
    ),
}

function defaultSr(pool: LabPool): Refstring {
  const sr = text(pool.db.get('pool', pool.refs.pool), 'default_SR')
  if (!pool.db.find('SR', sr)) throw new XapiFailure('DEFAULT_SR_NOT_FOUND', [sr])
  return sr
}

/** Statuses other than 200 are followed by the page of status 500. */
async function importHere(pool: LabPool, request: BulkRequest, task: Refstring, sr: Refstring): Promise<Value> {
  if (text(pool.db.get('SR', sr), 'content_type') === 'iso') {
    await request.write(replyHead(400))
    throw new XapiFailure('SR_OPERATION_NOT_SUPPORTED')
  }
  if (request.headers.has('transfer-encoding')) {
    await request.write(replyHead(403))
    throw new XapiFailure('IMPORT_ERROR_CANNOT_HANDLE_CHUNKED')
  }
  await request.write(okHead(task))
  return explained(() => importArchive(pool, request, task, optionsOf(request, sr)))
}

const okHead = (task: Refstring) => replyHead(200, [`task-id:${task}`, 'content-type: application/octet-stream'])

const isTrue = (request: BulkRequest, name: string) => request.query.get(name) === 'true'

const optionsOf = (request: BulkRequest, sr: Refstring | undefined): ImportOptions => ({
  sr,
  restore: isTrue(request, 'restore'),
  force: isTrue(request, 'force'),
})

/** Everything that is no error of XAPI's own comes as IMPORT_ERROR with a text. */
async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof XapiFailure) throw error
    if (error instanceof PrematureEnd) throw new XapiFailure('IMPORT_ERROR_PREMATURE_EOF')
    throw new XapiFailure('IMPORT_ERROR', [error instanceof Error ? error.message : String(error)])
  }
}

/** References of the VMs made: without snapshots, if there is anything else. */
async function importArchive(pool: LabPool, request: BulkRequest, task: Refstring, options: ImportOptions): Promise<Value> {
  const { xml, source } = await openArchive(request)
  try {
    const { version, objects } = decodeOvaXml(xml)
    assertCompatible(pool, version)
    const state: ImportState = { pool, options, task, objects, table: new Map(), vms: [], undo: [] }
    if (options.restore) assertSeedsAreFree(state)
    await importObjects(state)
    try {
      if (options.sr !== undefined) await receiveDisks(state, source, request.host)
      return complete(state)
    } catch (error) {
      if (!options.force) await takeBack(state)
      throw error
    }
  } finally {
    await source.close()
  }
}

/** An archive of newer software is refused; so is one from before 2009, with its checksums at the end, which XAPI would still take. */
function assertCompatible(pool: LabPool, { major, minor, exportVersion }: ArchiveVersion): void {
  const here = softwareVersion(pool)
  const newer = here.major < major || (here.major === major && here.minor < minor)
  if (newer || exportVersion < EXPORT_VERSION) throw new XapiFailure('IMPORT_INCOMPATIBLE_VERSION')
}

async function receiveDisks(state: ImportState, source: ByteSource, host: Refstring | undefined): Promise<void> {
  const { pool, task, options } = state
  const row = pool.db.get('task', task)
  // Tells clients that they may change networks now, while the disks come.
  pool.db.update('task', task, { other_config: { ...map(row, 'other_config'), object_creation: 'complete' } })
  pool.db.commit()
  const disks = disksToReceive(state)
  setCancellable(pool, task, true)
  const done = diskProgress(
    pool,
    task,
    disks.reduce((sum, { size }) => sum + size, 0),
  )
  const first: FirstChunk = { length: undefined }
  for (const { id, size } of disks) {
    const attachment = await pool.storage.attach(imported(state, id), 'RW', 'import', host)
    try {
      await receiveDisk(source, attachment.disk, first, { id, size, force: options.force, done })
    } finally {
      await attachment.detach()
    }
  }
  failIfCancelled(pool, task)
  setCancellable(pool, task, false)
}

/** Disks of VBDs that are no drives and not in a library of discs, and memories of suspended VMs; sorted as text. */
function disksToReceive(state: ImportState): { id: string; size: number }[] {
  const { objects, table } = state
  const vbds = objects.filter(({ className, record }) => className === 'VBD' && text(record, 'type') !== 'CD')
  const isDisk = (id: string) => text(inArchive(state, text(inArchive(state, id), 'SR')), 'content_type') !== 'iso'
  const named = new Set(vbds.map(({ record }) => text(record, 'VDI')).filter(isDisk))
  return objects
    .filter(({ className, id, record }) => className === 'VDI' && (named.has(id) || text(record, 'type') === 'suspend') && table.has(id))
    .map(({ id, record }) => ({ id, size: record.virtual_size as number }))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

function complete({ pool, task, vms }: ImportState): Value {
  const { db } = pool
  for (const vm of vms) {
    const row = db.find('VM', vm)
    if (row) db.update('VM', vm, { current_operations: without(map(row, 'current_operations'), task) })
  }
  const live = vms.filter((vm) => !flag(db.get('VM', vm), 'is_a_snapshot'))
  return [...new Set(live.length > 0 ? live : vms)]
}
