import type { DocumentStore, Value } from '../pool.ts'
import { type Chain, heldBlocks } from './chain/chain.ts'
import { ChainNode } from './chain/node.ts'
import { PageCache } from './chain/paged-file.ts'
import { BLOCK } from './chain/sector-bits.ts'
import { OpenFiles } from './chain/sparse-file.ts'
import type { ImageFormat } from './image-formats.ts'

/** An image as the storage driver knows it, apart from the object database: what a VHD file and its header would say. */
export interface Image {
  readonly uuid: string
  /** uuid of the SR. */
  readonly sr: string
  /** Names the data files; moves to another image when a snapshot or the collector says so, files are never renamed. */
  readonly node: string
  /** uuid of the parent image; empty for a root. */
  readonly parent: string
  readonly size: number
  /** A base copy. */
  readonly hidden: boolean
  /** uuid in the footer of its VHD file; goes with the node. */
  readonly footer: string
  /** vhd when absent. */
  readonly format?: ImageFormat
  /** On thick storage: its volume is no larger than what it holds, as that of a snapshot. */
  readonly deflated?: boolean
}

export const formatOf = (image: Image): ImageFormat => image.format ?? 'vhd'

const KIND = 'storage-image'
/** Files that may be open at once: several pools share one process and its limit. */
const OPEN_FILES = 192
/** Pages of maps and change logs in memory: 32 MiB. */
const CACHED_PAGES = 8192

/** All images of a pool, kept in documents so that they change in the same commit as the objects. */
export class Images {
  readonly files = new OpenFiles(OPEN_FILES)
  readonly pages = new PageCache(CACHED_PAGES)
  readonly folder: string
  readonly #documents: DocumentStore
  readonly #images = new Map<string, Image>()
  readonly #children = new Map<string, Set<string>>()
  readonly #nodes = new Map<string, ChainNode>()
  readonly #chains = new Map<string, Chain>()

  constructor(documents: DocumentStore, folder: string) {
    this.folder = folder
    this.#documents = documents
    for (const [uuid, value] of documents.entries(KIND)) this.#remember({ uuid, ...(value as unknown as Omit<Image, 'uuid'>) })
  }

  get(uuid: string): Image | undefined {
    return this.#images.get(uuid)
  }

  all(): Image[] {
    return [...this.#images.values()]
  }

  ofSr(sr: string): Image[] {
    return this.all().filter((image) => image.sr === sr)
  }

  childrenOf(uuid: string): Image[] {
    return [...(this.#children.get(uuid) ?? [])].map((child) => this.#images.get(child) as Image)
  }

  put(image: Image): void {
    const old = this.#images.get(image.uuid)
    if (old) this.#children.get(old.parent)?.delete(image.uuid)
    this.#remember(image)
    const { uuid, ...rest } = image
    this.#documents.put(KIND, uuid, rest as unknown as Value)
    this.#chains.clear()
  }

  remove(uuid: string): void {
    const old = this.#images.get(uuid)
    if (!old) return
    this.#children.get(old.parent)?.delete(uuid)
    this.#images.delete(uuid)
    this.#documents.remove(KIND, uuid)
    this.#chains.clear()
  }

  node(image: Image): ChainNode {
    let node = this.#nodes.get(image.node)
    if (!node) {
      node = new ChainNode(image.node, this.folder, this.files, this.pages)
      this.#nodes.set(image.node, node)
    }
    return node
  }

  /** Forgets a node that no image names any more and removes its files. Only after the commit that says so. */
  dropNode(id: string): void {
    const node = this.#nodes.get(id) ?? new ChainNode(id, this.folder, this.files, this.pages)
    this.#nodes.delete(id)
    node.remove()
  }

  /** Images from this one to its root. */
  lineage(uuid: string): Image[] {
    const out: Image[] = []
    for (let image = this.#images.get(uuid); image; image = this.#images.get(image.parent)) out.push(image)
    return out
  }

  chain(uuid: string): Chain {
    let chain = this.#chains.get(uuid)
    if (!chain) {
      chain = this.lineage(uuid).map((image) => this.node(image))
      this.#chains.set(uuid, chain)
    }
    return chain
  }

  /** Blocks that images of one lineage hold and no image that both have in common. */
  blocksApart(one: string, other: string): number[] {
    const [left, right] = [this.lineage(one), this.lineage(other)]
    const common = new Set(right.map((image) => image.uuid))
    const onlyLeft = left.filter((image) => !common.has(image.uuid))
    const shared = new Set(left.map((image) => image.uuid))
    const onlyRight = right.filter((image) => !shared.has(image.uuid))
    const apart = [...onlyLeft, ...onlyRight].map((image) => this.node(image))
    const size = Math.max(left[0]?.size ?? 0, right[0]?.size ?? 0)
    return [...heldBlocks(apart, Math.ceil(size / BLOCK))]
  }

  close(): void {
    this.files.closeAll()
  }

  #remember(image: Image): void {
    this.#images.set(image.uuid, image)
    let siblings = this.#children.get(image.parent)
    if (!siblings) {
      siblings = new Set()
      this.#children.set(image.parent, siblings)
    }
    siblings.add(image.uuid)
  }
}
