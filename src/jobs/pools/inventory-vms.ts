/** The VMs of a pool as they are shown, made anew only where something of them has changed: a pool may have thousands, and changes all the time. */
import type { InventoryVm } from '../../core/control/pool-record.ts'
import { readFailoverMark } from '../../core/failover/marks.ts'
import { MARK, readReplicaMark } from '../../core/marks.ts'
import type { Row, WatchedClass } from './inventory-rows.ts'

/** More than any storage keeps in one chain (30 on VHD storage); what refers to itself ends. */
const MOST_IMAGES = 64
const NONE: readonly string[] = []

/** Rows by reference, of whatever class. */
export interface Rows {
  get<C extends WatchedClass>(name: C, ref: string): Row<C> | undefined
}

export class InventoryVms {
  readonly #rows: Rows
  readonly #vbdsOf = new References()
  readonly #vbdsWith = new References()
  readonly #vifsOf = new References()
  readonly #snapshotsOf = new References()
  /** References of images that may be the parents of others, by uuid. */
  readonly #images = new Map<string, string>()
  readonly #shown = new Map<string, InventoryVm>()
  /** References of VMs (or of what was taken for one) that something has changed about. */
  readonly #stale = new Set<string>()
  #touched = new Set<string>()
  #vmChanged = false
  #sorted: readonly InventoryVm[] | undefined

  constructor(rows: Rows) {
    this.#rows = rows
  }

  /** Told of each row that is another now; undefined: there is none, before or any more. */
  changed<C extends WatchedClass>(name: C, ref: string, before: Row<C> | undefined, after: Row<C> | undefined): void {
    for (const [row, there] of [
      [before, false],
      [after, true],
    ] as const) {
      if (row !== undefined) this.#note(name, ref, row, there)
    }
    if (name === 'VDI') {
      const isNews = !onlyStorage(before as Row<'VDI'> | undefined, after as Row<'VDI'> | undefined)
      for (const vbd of this.#vbdsWith.of(ref)) this.#touch(this.#rows.get('VBD', vbd)?.vm, isNews)
    }
    // What is shown of them is their uuid, which stays as long as they do.
    if ((name === 'SR' || name === 'network') && (before === undefined || after === undefined))
      for (const vm of this.#shown.keys()) this.#touch(vm)
  }

  /** Whether anything of a VM that is shown has changed since this was asked last. */
  takeNews(): boolean {
    const touched = this.#touched
    this.#touched = new Set()
    const came = this.#vmChanged
    this.#vmChanged = false
    if (came) return true
    for (const ref of touched) if (this.#rows.get('VM', ref)?.kind === 'vm') return true
    return false
  }

  /** By name. */
  list(): readonly InventoryVm[] {
    for (const ref of this.#stale) {
      const vm = this.#rows.get('VM', ref)
      if (vm?.kind === 'vm') this.#shown.set(ref, this.#show(ref, vm))
      // A snapshot of a VM that is shown is nothing to show itself.
      else if (!this.#shown.delete(ref)) continue
      this.#sorted = undefined
    }
    this.#stale.clear()
    this.#sorted ??= [...this.#shown.values()].sort(byName)
    return this.#sorted
  }

  #note(name: WatchedClass, ref: string, row: object, there: boolean): void {
    switch (name) {
      case 'VM': {
        const vm = row as Row<'VM'>
        if (vm.kind === 'vm') {
          this.#vmChanged = true
          this.#touch(ref)
          return
        }
        this.#snapshotsOf.set(vm.of, ref, there)
        // Each run makes snapshots: only those of replicas tell anything.
        const of = this.#rows.get('VM', vm.of)
        if (of?.kind === 'vm' && (of.blocked || failedOverOf(of) !== null)) this.#touch(vm.of)
        return
      }
      case 'VBD': {
        const vbd = row as Row<'VBD'>
        this.#vbdsOf.set(vbd.vm, ref, there)
        this.#vbdsWith.set(vbd.vdi, ref, there)
        this.#touch(vbd.vm)
        return
      }
      case 'VIF': {
        const vif = row as Row<'VIF'>
        this.#vifsOf.set(vif.vm, ref, there)
        this.#touch(vif.vm)
        return
      }
      case 'VDI': {
        const { uuid } = row as Row<'VDI'>
        if (there) this.#images.set(uuid, ref)
        else if (this.#images.get(uuid) === ref) this.#images.delete(uuid)
        return
      }
      default:
        return
    }
  }

  /** A disk that was snapshotted holds what was written since; the rest is in the images below it, which may hold more than is of use. */
  #allocated(vdi: Row<'VDI'>): number {
    let sum = 0
    let image: Row<'VDI'> | undefined = vdi
    for (let depth = 0; image !== undefined && depth < MOST_IMAGES; depth++) {
      sum += image.allocated
      const below: string | undefined = image.parent === '' ? undefined : this.#images.get(image.parent)
      image = below === undefined ? undefined : this.#rows.get('VDI', below)
    }
    return Math.min(sum, vdi.size)
  }

  #touch(vm: string | undefined, isNews = true): void {
    if (vm === undefined) return
    this.#stale.add(vm)
    if (isNews) this.#touched.add(vm)
  }

  #show(ref: string, vm: Extract<Row<'VM'>, { kind: 'vm' }>): InventoryVm {
    let allocated = 0
    const disks = [...this.#vbdsOf.of(ref)].flatMap((each) => {
      const vbd = this.#rows.get('VBD', each)
      const vdi = vbd && this.#rows.get('VDI', vbd.vdi)
      if (!vdi) return []
      allocated += this.#allocated(vdi)
      const { uuid, name, size, sr } = vdi
      return { uuid, name, userdevice: vbd.userdevice, size, sr: this.#rows.get('SR', sr)?.uuid ?? '' }
    })
    const networks = [...this.#vifsOf.of(ref)].flatMap((each) => {
      const vif = this.#rows.get('VIF', each)
      return (vif && this.#rows.get('network', vif.network)?.uuid) ?? []
    })
    const replicaOf = this.#replicaOf(ref, vm)
    const failedOver = failedOverOf(vm)
    return {
      uuid: vm.uuid,
      name: vm.name,
      description: vm.description,
      powerState: vm.powerState,
      tags: vm.tags,
      disks: disks.sort((a, b) => Number(a.userdevice) - Number(b.userdevice)),
      networks: [...new Set(networks)].sort(),
      bytesAllocated: allocated,
      replicaOf,
      // A source has snapshots with the marks of a job as well.
      restorePoints: replicaOf === null && failedOver === null ? NONE : this.#restorePointsOf(ref),
      startBlocked: vm.blocked,
      failedOver,
    }
  }

  #restorePointsOf(ref: string): readonly string[] {
    const uuids = [...this.#snapshotsOf.of(ref)].flatMap((each) => {
      const row = this.#rows.get('VM', each)
      return row?.kind === 'snapshot' ? [row.uuid] : []
    })
    return uuids.length === 0 ? NONE : uuids.sort()
  }

  /**
   * A replica is a VM whose start is blocked and that has the marks of one: ours say so themselves; those of the original product are marked
   * on the VM (one a run) or on its snapshots (one VM for all), and keep the SR's mark on the VM (behaviour.md 10.5). One that was failed over
   * to is none any more.
   */
  #replicaOf(ref: string, vm: Extract<Row<'VM'>, { kind: 'vm' }>): InventoryVm['replicaOf'] {
    if (!vm.blocked) return null
    const failover = readFailoverMark(vm.config, vm.uuid)
    // It may be blocked again: when it hands over itself.
    if (failover !== undefined && failover.state !== 'preparing') return null
    const mark = readReplicaMark(vm.config, vm.uuid)
    if (mark) return { job: mark.job, vm: mark.vm }
    if (vm.config[MARK.sr] === undefined) return null
    const { [MARK.job]: job, [MARK.vm]: source } = vm.config
    if (job !== undefined && source !== undefined) return { job, vm: source }
    for (const snapshot of this.#snapshotsOf.of(ref)) {
      const point = this.#rows.get('VM', snapshot)
      if (point?.kind === 'snapshot') return { job: point.job, vm: point.vm }
    }
    return null
  }
}

/** Each scan and each snapshot says that of disks: shown with the next news, as of their storage, and no news itself. */
function onlyStorage(before: Row<'VDI'> | undefined, after: Row<'VDI'> | undefined): boolean {
  if (before === undefined || after === undefined) return false
  return before.uuid === after.uuid && before.name === after.name && before.size === after.size && before.sr === after.sr
}

function failedOverOf({ config, uuid }: Extract<Row<'VM'>, { kind: 'vm' }>): InventoryVm['failedOver'] {
  const mark = readFailoverMark(config, uuid)
  return mark === undefined ? null : { job: mark.job, vm: mark.vm, sr: mark.sr, clone: mark.clone, state: mark.state }
}

/** Which objects refer to one. */
class References {
  readonly #by = new Map<string, Set<string>>()

  of(to: string): Iterable<string> {
    return this.#by.get(to) ?? []
  }

  set(to: string, from: string, there: boolean): void {
    const found = this.#by.get(to)
    if (there && found) found.add(from)
    else if (there) this.#by.set(to, new Set([from]))
    else if (found?.delete(from) && found.size === 0) this.#by.delete(to)
  }
}

export function byName(a: { readonly name: string; readonly uuid: string }, b: { readonly name: string; readonly uuid: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : a.uuid < b.uuid ? -1 : 1
}
