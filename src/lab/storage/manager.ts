import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { count, map, text, without } from '../classes/fields.ts'
import type { Faults } from '../faults/fault.ts'
import type { Attachment, Database, Disk, LabPool, PoolSettings, Refstring, Storage, Value, XapiFailure } from '../pool.ts'
import { attachToControlDomain, removeLeftOverAttachments } from './attachments.ts'
import { ChangeLogs } from './cbt/change-logs.ts'
import { isNodeFile } from './chain/node.ts'
import { BLOCK } from './chain/sector-bits.ts'
import { Collector, type CollectorSettings, withoutProgress } from './collector.ts'
import { BLOCK_COST, deflatedVolumeSize, fullVolumeSize, imageFileSize } from './disk-size.ts'
import { assertPlugged, THICK_TYPES } from './driver-features.ts'
import { backendFailure, deviceFailure, typeFailure } from './failures.ts'
import type { ImageFormat } from './image-formats.ts'
import { formatOf, type Image, Images } from './images.ts'
import { LiveDisk } from './live-disk.ts'
import { allowedSrOperations } from './sr-operations.ts'
import { allowedVdiOperations } from './vdi-operations.ts'

export interface StorageOptions {
  readonly db: Database
  /** Folder for data files; made when missing. Nothing else may be kept in it. */
  readonly folder: string
  readonly settings: PoolSettings
  now(): Date
  /** Reference of the control domain; asked for when something is attached. */
  controlDomain(host?: Refstring): Refstring
  /** How the collector goes about its work. */
  readonly collector?: Partial<CollectorSettings>
  readonly faults?: Pick<Faults, 'attached' | 'free'>
}

/** A VDI whose data is being destroyed is of type cbt_metadata already; the type it had is kept here, for a start after a crash. */
const DESTROYING = 'storage-destroying'

/**
 * The storage manager of a pool: images and change logs as a storage driver keeps them, and the records of VDIs and SRs that show
 * them. Whatever changes both does so between two commits, so that a killed pool finds either all of it or nothing.
 */
export class StorageManager implements Storage {
  readonly db: Database
  readonly images: Images
  readonly logs: ChangeLogs
  readonly collector: Collector
  readonly options: StorageOptions
  readonly #used = new Map<string, number>()
  readonly #dropNodes = new Set<string>()
  readonly #dropLogs = new Set<string>()
  /** Blocks written while a leaf is being merged into its parent, by uuid. */
  readonly #watched = new Map<string, Set<number>>()
  readonly #stopListening: () => void
  #closed = false

  constructor(options: StorageOptions) {
    this.options = options
    this.db = options.db
    mkdirSync(options.folder, { recursive: true })
    this.images = new Images(this.db.documents, options.folder)
    this.logs = new ChangeLogs(this.db.documents, options.folder, this.images.files, this.images.pages)
    this.#removeOrphans()
    this.collector = new Collector(this, options.collector ?? {})
    this.db.derive('VDI', 'allowed_operations', (ref, row) => allowedVdiOperations(this.db, ref, row))
    this.db.derive('SR', 'allowed_operations', (ref, row) => allowedSrOperations(this.db, ref, row))
    // What may be done with a disk follows from its VBDs: whoever watches the disk is told.
    this.#stopListening = this.db.onChange((className, ref, operation) => {
      if (className !== 'VBD' || operation !== 'mod') return
      const vdi = text(this.db.get('VBD', ref), 'VDI')
      if (this.db.find('VDI', vdi)) this.db.touch('VDI', vdi)
    })
  }

  /** Puts right what a killed pool left: attachments to the control domain, operations under way, a half-way data_destroy. */
  recover(): void {
    removeLeftOverAttachments(this)
    for (const className of ['VDI', 'SR'] as const) {
      for (const ref of this.db.refs(className)) {
        if (Object.keys(map(this.db.get(className, ref), 'current_operations')).length > 0) {
          this.db.update(className, ref, { current_operations: {} })
        }
      }
    }
    for (const vdi of this.db.refs('VDI')) {
      const config = map(this.db.get('VDI', vdi), 'sm_config')
      const left = withoutProgress(config)
      if (Object.keys(left).length < Object.keys(config).length) this.db.update('VDI', vdi, { sm_config: left })
    }
    for (const [uuid, type] of this.db.documents.entries(DESTROYING)) {
      const vdi = this.db.byUuid('VDI', uuid)
      if (vdi !== undefined) this.db.update('VDI', vdi, { type })
      this.db.documents.remove(DESTROYING, uuid)
    }
    this.commit()
    for (const sr of this.db.refs('SR')) this.collector.kick(text(this.db.get('SR', sr), 'uuid'))
  }

  disk(vdi: Refstring): Disk {
    const row = this.db.get('VDI', vdi)
    assertPlugged(this.db, text(row, 'SR'))
    const uuid = text(row, 'uuid')
    if (!this.images.get(uuid)) throw this.unavailable(vdi)
    return new LiveDisk(uuid, this)
  }

  blocksBetween(base: Refstring, vdi: Refstring): number[] {
    return this.images.blocksApart(this.imageOf(base).uuid, this.imageOf(vdi).uuid)
  }

  footerUuid(vdi: Refstring): string {
    return this.imageOf(vdi).footer
  }

  attach(vdi: Refstring, mode: 'RO' | 'RW', why: string, host?: Refstring): Promise<Attachment> {
    const attached = attachToControlDomain(this, vdi, mode, why, host)
    const { faults } = this.options
    return faults ? attached.then((attachment) => faults.attached(attachment.disk.uuid, why, attachment)) : attached
  }

  /** Stops the collector and closes all files. */
  async close(): Promise<void> {
    this.#stopListening()
    await this.collector.stop()
    this.#closed = true
    this.images.close()
  }

  /** Whether the pool has stopped: disks then fail instead of opening their files again. */
  get closed(): boolean {
    return this.#closed
  }

  imageOf(vdi: Refstring): Image {
    const image = this.images.get(text(this.db.get('VDI', vdi), 'uuid'))
    if (!image) throw this.unavailable(vdi)
    return image
  }

  unavailable(vdi: Refstring): XapiFailure {
    const type = text(this.db.get('VDI', vdi), 'type')
    return type === 'cbt_metadata' ? typeFailure(vdi, type) : backendFailure(46, 'The VDI is not available', `VDI ${vdi} not found`)
  }

  /** Makes everything since the last commit durable, then removes the files that it left without an owner. */
  commit(): void {
    // An attachment may be given back after the pool has stopped; the next start does it again.
    if (this.#closed) return
    this.db.commit()
    for (const id of this.#dropNodes) this.images.dropNode(id)
    this.#dropNodes.clear()
    for (const file of this.#dropLogs) this.logs.dropFile(file)
    this.#dropLogs.clear()
  }

  /** The node's files go with the next commit. */
  dropNode(id: string): void {
    this.#dropNodes.add(id)
    this.#used.clear()
  }

  dropLog(file: string | undefined): void {
    if (file !== undefined) this.#dropLogs.add(file)
    this.#used.clear()
  }

  /** Size of the image's file, or of its volume. */
  utilisation(image: Image): number {
    const held = this.images.node(image).heldBlocks
    const format = formatOf(image)
    if (format === 'raw' || !this.isThick(image.sr)) return imageFileSize(format, image.size, held)
    return image.hidden || image.deflated ? deflatedVolumeSize(format, image.size, held) : fullVolumeSize(format, image.size)
  }

  /** Bytes that everything in the SR takes. */
  used(sr: string): number {
    let used = this.#used.get(sr)
    if (used === undefined) {
      used = 0
      for (const image of this.images.ofSr(sr)) used += this.utilisation(image)
      for (const log of this.logs.all()) if (log.sr === sr) used += ChangeLogs.fileSize(log)
      this.#used.set(sr, used)
    }
    return used
  }

  /** Bytes that the SR has left, never below zero; an SR without a size has no end. */
  free(sr: string): number {
    const ref = this.db.byUuid('SR', sr)
    const size = ref === undefined ? 0 : count(this.db.get('SR', ref), 'physical_size')
    const free = size <= 0 ? Number.POSITIVE_INFINITY : Math.max(0, size - this.used(sr))
    return this.options.faults?.free(sr, this.used(sr), free) ?? free
  }

  /** What a new image of this size takes at once. */
  costOfImage(sr: string, size: number, format: ImageFormat): number {
    return format !== 'raw' && this.isThick(sr) ? fullVolumeSize(format, size) : imageFileSize(format, size, 0)
  }

  /** SR_BACKEND_FAILURE_44 when the SR can't take so much more. */
  assertRoom(sr: string, needed: number): void {
    if (needed > this.free(sr)) throw backendFailure(44, 'There is insufficient space', `needed ${needed}, free ${this.free(sr)}`)
  }

  /** Room for blocks that a write adds; VDI_IO_ERROR when there is none, as when a file system is full under tapdisk. */
  claimBlocks(image: Image, blocks: number): void {
    if (blocks === 0 || image.format === 'raw' || (this.isThick(image.sr) && !image.deflated)) return
    if (blocks * BLOCK_COST > this.free(image.sr)) throw deviceFailure()
    this.#used.set(image.sr, this.used(image.sr) + blocks * BLOCK_COST)
  }

  /** Structure changed: the sums are made anew. */
  forgetSums(): void {
    this.#used.clear()
  }

  /** Starts noting which blocks of a leaf are written; the set is filled until `unwatch`. */
  watch(uuid: string): Set<number> {
    const blocks = new Set<number>()
    this.#watched.set(uuid, blocks)
    return blocks
  }

  unwatch(uuid: string): void {
    this.#watched.delete(uuid)
  }

  noteWritten(uuid: string, offset: number, length: number): void {
    const blocks = this.#watched.get(uuid)
    if (!blocks) return
    const last = Math.floor((offset + length - 1) / BLOCK)
    for (let block = Math.floor(offset / BLOCK); block <= last; block += 1) blocks.add(block)
  }

  /** Brings the figures of a VDI's record up to what its image is. */
  refreshVdi(uuid: string): void {
    const ref = this.db.byUuid('VDI', uuid)
    const image = this.images.get(uuid)
    if (ref === undefined || !image) return
    const row = this.db.get('VDI', ref)
    const rest = without(map(row, 'sm_config'), 'vhd-parent')
    this.db.update('VDI', ref, {
      virtual_size: image.size,
      physical_utilisation: this.utilisation(image),
      sm_config: image.parent === '' ? rest : { ...rest, 'vhd-parent': image.parent },
    })
  }

  /** Brings the figures of an SR's record up to date. */
  refreshSr(sr: string): void {
    const ref = this.db.byUuid('SR', sr)
    if (ref === undefined) return
    let allocation = 0
    for (const image of this.images.ofSr(sr)) if (!image.hidden) allocation += image.size
    this.db.update('SR', ref, { physical_utilisation: this.used(sr), virtual_allocation: allocation })
  }

  /** An image of its own without data. */
  newImage(sr: string, size: number, more: Partial<Pick<Image, 'parent' | 'format' | 'deflated'>> = {}): Image {
    const ids = { uuid: randomUUID(), node: randomUUID(), footer: randomUUID() }
    const image: Image = { ...ids, sr, parent: '', size, hidden: false, ...more }
    this.images.put(image)
    this.forgetSums()
    return image
  }

  noteDestroying(uuid: string, type: string | undefined): void {
    if (type === undefined) this.db.documents.remove(DESTROYING, uuid)
    else this.db.documents.put(DESTROYING, uuid, type as Value)
  }

  isThick(sr: string): boolean {
    const ref = this.db.byUuid('SR', sr)
    return ref !== undefined && THICK_TYPES.has(text(this.db.get('SR', ref), 'type'))
  }

  /** Files that no node and no log names: made for something that was never committed, or left by one that is gone. */
  #removeOrphans(): void {
    const known = new Set([...this.images.all().map((image) => image.node), ...this.logs.all().map((log) => log.file)])
    for (const name of readdirSync(this.options.folder)) {
      const [id, ending] = name.split('.')
      const ours = isNodeFile(ending) || ending === 'cbt'
      if (ours && !known.has(id as string)) unlinkSync(join(this.options.folder, name))
    }
  }
}

export function createStorage(options: StorageOptions): StorageManager {
  return new StorageManager(options)
}

/** The storage manager behind a pool's storage, for messages that need more than disks. */
export function storageManagerOf(pool: LabPool): StorageManager {
  if (pool.storage instanceof StorageManager) return pool.storage
  throw new Error('the storage of this pool was made by somebody else')
}
