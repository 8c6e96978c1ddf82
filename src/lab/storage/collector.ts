import { setTimeout as sleep } from 'node:timers/promises'
import { deflateSync } from 'node:zlib'
import { flag, map, text, without } from '../classes/fields.ts'
import { heldBlocks, mergeBlock } from './chain/chain.ts'
import { BLOCK } from './chain/sector-bits.ts'
import { isPlugged } from './driver-features.ts'
import type { Image } from './images.ts'
import type { StorageManager } from './manager.ts'

export interface CollectorSettings {
  /** Milliseconds between a kick and the first look. */
  readonly delayMs: number
  /** Milliseconds of rest after each piece of merged data. */
  readonly pauseMs: number
  /** Blocks of 2 MiB in such a piece. */
  readonly blocksAtOnce: number
}

/** Key of `sm_config` by which an image that is being merged, and its parent, can be told (DB_VHD_BLOCKS of sm libs/sm/cleanup.py). */
const PROGRESS = 'vhd-blocks'

export const withoutProgress = (config: Readonly<Record<string, string>>): Record<string, string> => without(config, PROGRESS)

const DEFAULTS: CollectorSettings = { delayMs: 1000, pauseMs: 5, blocksAtOnce: 4 }
/** A leaf that is written all the time is merged while it stands still once so few blocks are left. */
const FINAL_BLOCKS = 16
const ROUNDS = 20

/**
 * The garbage collector of each SR, after sm libs/sm/cleanup.py: deletes hidden leaves, merges a hidden image that is its parent's
 * only child into the parent, then a visible leaf likewise. Data is copied in pieces; a chain reads the same at every moment,
 * since the child lies over the parent until both change places in one commit.
 */
export class Collector {
  readonly #manager: StorageManager
  readonly #settings: CollectorSettings
  readonly #runs = new Map<string, Promise<void>>()
  readonly #again = new Set<string>()
  readonly #stopping = new AbortController()

  constructor(manager: StorageManager, settings: Partial<CollectorSettings>) {
    this.#manager = manager
    this.#settings = { ...DEFAULTS, ...settings }
  }

  /** Has the SR (by uuid) looked at soon. */
  kick(sr: string): void {
    if (this.#stopping.signal.aborted) return
    if (this.#runs.has(sr)) {
      this.#again.add(sr)
      return
    }
    const run = this.#run(sr).finally(() => {
      this.#runs.delete(sr)
      if (this.#again.delete(sr)) this.kick(sr)
    })
    this.#runs.set(sr, run)
  }

  /** Resolves when no SR has work left or under way. */
  async idle(): Promise<void> {
    while (this.#runs.size > 0) await Promise.all(this.#runs.values())
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.idle()
  }

  async #run(sr: string): Promise<void> {
    try {
      await this.#rest(this.#manager.options.settings.collectorDelayMs ?? this.#settings.delayMs)
      while (await this.#step(sr)) await this.#rest(0)
    } catch (error) {
      // A full or failing disk ends this run, as the original gives an image up; the next kick tries again.
      const ofTheMachine = typeof (error as NodeJS.ErrnoException).syscall === 'string'
      if (!this.#stopping.signal.aborted && !ofTheMachine) throw error
    }
  }

  /** One piece of work; false when there is none. */
  async #step(sr: string): Promise<boolean> {
    const { db, images } = this.#manager
    const ref = db.byUuid('SR', sr)
    if (ref === undefined || !isPlugged(db, ref)) return false
    const switches = map(db.get('SR', ref), 'other_config')
    if (switches.gc === 'false') return false
    const all = images.ofSr(sr)
    const garbage = all.find((image) => image.hidden && images.childrenOf(image.uuid).length === 0)
    if (garbage) {
      this.#forget(garbage)
      this.#finish(sr)
      return true
    }
    if (switches.coalesce === 'false') return false
    const onlyChild = (image: Image) => image.parent !== '' && images.childrenOf(image.parent).length === 1
    const inner = all.find((image) => image.hidden && onlyChild(image))
    if (inner) return this.#mergeInner(inner)
    if (switches['leaf-coalesce'] === 'false') return false
    const leaf = all.find(
      (image) => !image.hidden && onlyChild(image) && images.childrenOf(image.uuid).length === 0 && this.#mayMove(image),
    )
    return leaf ? this.#mergeLeaf(leaf) : false
  }

  #mayMove(leaf: Image): boolean {
    const { db } = this.#manager
    const ref = db.byUuid('VDI', leaf.uuid)
    if (ref === undefined) return true
    const row = db.get('VDI', ref)
    return map(row, 'other_config')['leaf-coalesce'] !== 'false' && text(row, 'on_boot') !== 'reset' && !flag(row, 'allow_caching')
  }

  /** A hidden image that is an only child goes into its parent; its children then hang on the parent. */
  async #mergeInner(child: Image): Promise<boolean> {
    const { images } = this.#manager
    const started = performance.now()
    const blocks = [...heldBlocks([images.node(child)], Math.ceil(child.size / BLOCK))]
    this.#tell([child.uuid, child.parent], blockBitmap(blocks, child.size))
    try {
      if (!(await this.#mergeBlocks(child, blocks))) return true
      await this.#takeTime(started)
      if (!this.#stillApt(child)) return true
    } finally {
      this.#tellNothing([child.uuid, child.parent])
    }
    const parent = images.get(child.parent) as Image
    images.put({ ...parent, size: Math.max(parent.size, child.size) })
    for (const grandchild of images.childrenOf(child.uuid)) {
      images.put({ ...grandchild, parent: parent.uuid })
      this.#manager.refreshVdi(grandchild.uuid)
    }
    this.#forget(child)
    this.#manager.refreshVdi(parent.uuid)
    this.#finish(child.sr)
    return true
  }

  /**
   * A leaf that is an only child goes into its parent and takes over the parent's files. It may be written meanwhile: what was
   * written is merged again, the last of it while nobody else runs.
   */
  async #mergeLeaf(leaf: Image): Promise<boolean> {
    const { db, images } = this.#manager
    const started = performance.now()
    const written = this.#manager.watch(leaf.uuid)
    try {
      let blocks = [...heldBlocks([images.node(leaf)], Math.ceil(leaf.size / BLOCK))]
      this.#tell([leaf.uuid, leaf.parent], blockBitmap(blocks, leaf.size))
      for (let round = 0; blocks.length > 0 && (round === 0 || (blocks.length > FINAL_BLOCKS && round < ROUNDS)); round += 1) {
        if (!(await this.#mergeBlocks(leaf, blocks))) return true
        blocks = [...written]
        written.clear()
      }
      await this.#takeTime(started)
      blocks = [...new Set([...blocks, ...written])]
      const now = images.get(leaf.uuid)
      const parent = images.get(leaf.parent)
      if (!now || !parent || !this.#stillApt(leaf)) return true
      for (const block of blocks) mergeBlock(images.node(now), images.node(parent), block)
      images.put({ ...now, node: parent.node, parent: parent.parent, footer: parent.footer })
      images.remove(parent.uuid)
      this.#manager.dropNode(now.node)
      this.#dropRecord(parent)
      this.#tellNothing([leaf.uuid])
      const ref = db.byUuid('VDI', leaf.uuid)
      if (ref !== undefined) {
        const config = map(db.get('VDI', ref), 'other_config')
        if (config['leaf-coalesce'] !== undefined) db.update('VDI', ref, { other_config: without(config, 'leaf-coalesce') })
      }
      this.#manager.refreshVdi(leaf.uuid)
      this.#finish(leaf.sr)
      return true
    } finally {
      this.#manager.unwatch(leaf.uuid)
      this.#tellNothing([leaf.uuid, leaf.parent])
    }
  }

  /** Copies blocks of a child into its parent, piece by piece; false when the two no longer belong together meanwhile. */
  async #mergeBlocks(child: Image, blocks: readonly number[]): Promise<boolean> {
    const { images } = this.#manager
    const { blocksAtOnce, pauseMs } = this.#settings
    for (let at = 0; at < blocks.length; at += blocksAtOnce) {
      if (at > 0) await this.#rest(pauseMs)
      if (!this.#stillApt(child)) return false
      const parent = images.get(child.parent) as Image
      for (const block of blocks.slice(at, at + blocksAtOnce)) mergeBlock(images.node(child), images.node(parent), block)
      this.#manager.forgetSums()
    }
    return this.#stillApt(child)
  }

  /** Whether the image is what it was when the merge began: the same data, and its parent's only child. */
  #stillApt(child: Image): boolean {
    const { images } = this.#manager
    const now = images.get(child.uuid)
    return now !== undefined && now.node === child.node && now.parent === child.parent && images.childrenOf(child.parent).length === 1
  }

  /** What is left of the time that a node is to take at least. */
  async #takeTime(started: number): Promise<void> {
    const least = this.#manager.options.settings.coalesceMs ?? 0
    const left = least - (performance.now() - started)
    if (left > 0) await this.#rest(left)
  }

  /** Says on the records of disks that they are being merged; a start after a crash takes it off. */
  #tell(uuids: readonly string[], progress: string): void {
    const { db } = this.#manager
    for (const uuid of uuids) {
      const ref = db.byUuid('VDI', uuid)
      if (ref !== undefined) db.update('VDI', ref, { sm_config: { ...map(db.get('VDI', ref), 'sm_config'), [PROGRESS]: progress } })
    }
  }

  #tellNothing(uuids: readonly string[]): void {
    const { db } = this.#manager
    for (const uuid of uuids) {
      const ref = db.byUuid('VDI', uuid)
      if (ref === undefined) continue
      const config = map(db.get('VDI', ref), 'sm_config')
      const left = withoutProgress(config)
      if (Object.keys(left).length < Object.keys(config).length) db.update('VDI', ref, { sm_config: left })
    }
  }

  #forget(image: Image): void {
    this.#manager.images.remove(image.uuid)
    this.#manager.dropNode(image.node)
    this.#dropRecord(image)
  }

  #dropRecord(image: Image): void {
    const { db, logs } = this.#manager
    const ref = db.byUuid('VDI', image.uuid)
    if (ref !== undefined) db.delete('VDI', ref)
    // A base copy may have one: enabling it there is not refused.
    this.#manager.dropLog(logs.removeOnly(image.uuid))
  }

  #finish(sr: string): void {
    this.#manager.forgetSums()
    this.#manager.refreshSr(sr)
    this.#manager.commit()
  }

  #rest(milliseconds: number): Promise<void> {
    return sleep(milliseconds, undefined, { signal: this.#stopping.signal })
  }
}

/** The value of `vhd-blocks`: a bit for each block that is held, packed (getBlockBitmap in sm libs/sm/vhdutil.py). */
function blockBitmap(blocks: readonly number[], size: number): string {
  const bits = Buffer.alloc(Math.ceil(Math.ceil(size / BLOCK) / 8))
  for (const block of blocks) bits[block >> 3] = (bits[block >> 3] as number) | (0x80 >> (block & 7))
  return deflateSync(bits).toString('base64')
}
