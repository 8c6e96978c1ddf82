import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { flag, map, text, without } from '../classes/fields.ts'
import { isLive } from '../classes/vm-facts.ts'
import { type Attachment, type Refstring, type Row, XapiFailure } from '../pool.ts'
import { assertPlugged } from './driver-features.ts'
import { typeFailure } from './failures.ts'
import { LiveDisk } from './live-disk.ts'
import type { StorageManager } from './manager.ts'

/** Types that no VBD may name (xen-api ocaml/xapi/xapi_vbd_helpers.ml). */
const NOT_FOR_VBDS: ReadonlySet<string> = new Set(['ha_statefile', 'redo_log', 'cbt_metadata'])

/**
 * Attaches a disk to the control domain: VBD.create, then VBD.plug. Sharing rules between VMs don't hold for the control domain
 * (xen-api ocaml/xapi/system_domains.ml), but the storage layer's do: a disk that is active read-only can't become active
 * read-write (ocaml/xapi-idl/storage/vdi_automaton.ml), nor the other way round while a VM holds it.
 */
export async function attachToControlDomain(
  manager: StorageManager,
  vdi: Refstring,
  mode: 'RO' | 'RW',
  why: string,
  host?: Refstring,
): Promise<Attachment> {
  const { db, options } = manager
  const row = db.get('VDI', vdi)
  if (NOT_FOR_VBDS.has(text(row, 'type'))) throw typeFailure(vdi, text(row, 'type'))
  if (mode === 'RW' && flag(row, 'read_only')) throw new XapiFailure('VDI_READONLY', [vdi])
  assertPlugged(db, text(row, 'SR'), host)
  const uuid = manager.imageOf(vdi).uuid
  const plugging = `DummyRef:|${randomUUID()}|${why}`
  const vbd = createVbd(manager, { vdi, mode, plugging, domain: options.controlDomain(host) })
  manager.commit()
  try {
    // Of a base copy a VBD can be made, but not plugged, and the failure names the VBD (ocaml/xapi/xapi_vbd_helpers.ml).
    if (!flag(row, 'managed')) throw new XapiFailure('VDI_NOT_MANAGED', [vbd])
    await sleep(options.settings.attachMs)
    assertCanActivate(manager, vdi, mode)
    // Destroyed meanwhile by somebody who does not ask for VBDs.
    manager.imageOf(vdi)
  } catch (error) {
    if (db.find('VBD', vbd)) db.delete('VBD', vbd)
    manager.commit()
    throw error
  }
  if (!db.find('VBD', vbd)) throw new XapiFailure('HANDLE_INVALID', ['VBD', vbd])
  if (mode === 'RW') {
    const config = map(db.get('VDI', vdi), 'other_config')
    db.update('VDI', vdi, { other_config: without(config, 'content_id') })
  }
  db.update('VBD', vbd, { currently_attached: true, current_operations: {} })
  manager.commit()
  let ended: Promise<void> | undefined
  return {
    disk: new LiveDisk(uuid, manager),
    vbd,
    detach() {
      ended ??= detach(manager, vbd)
      return ended
    },
  }
}

/** VBD.unplug, then VBD.destroy. Somebody may have done either already. */
async function detach(manager: StorageManager, vbd: Refstring): Promise<void> {
  const { db, options } = manager
  if (!db.find('VBD', vbd)) return
  db.update('VBD', vbd, { current_operations: { [`DummyRef:|${randomUUID()}|VBD.unplug`]: 'unplug' } })
  manager.commit()
  await sleep(options.settings.attachMs)
  removeVbd(manager, vbd)
  manager.commit()
}

/** Of any host's: they don't stand in each other's way. */
function isOfControlDomain({ db }: StorageManager, vbd: Row): boolean {
  return db.find('VM', text(vbd, 'VM'))?.is_control_domain === true
}

/** What a killed pool left attached to the control domain, as the toolstack drops the VBDs of its own tasks at its start. */
export function removeLeftOverAttachments(manager: StorageManager): void {
  for (const vbd of manager.db.refs('VBD')) if (isOfControlDomain(manager, manager.db.get('VBD', vbd))) removeVbd(manager, vbd)
}

interface NewAttachment {
  readonly vdi: Refstring
  readonly mode: 'RO' | 'RW'
  readonly plugging: string
  readonly domain: Refstring
}

function createVbd({ db }: StorageManager, { vdi, mode, plugging, domain }: NewAttachment): Refstring {
  const taken = new Set((db.get('VM', domain).VBDs as readonly Refstring[]).map((vbd) => text(db.get('VBD', vbd), 'userdevice')))
  let number = 0
  while (taken.has(String(number))) number += 1
  return db.create('VBD', {
    VM: domain,
    VDI: vdi,
    mode,
    type: 'Disk',
    userdevice: String(number),
    device: deviceName(number),
    bootable: false,
    empty: false,
    unpluggable: true,
    currently_attached: false,
    current_operations: { [plugging]: 'plug' },
  })
}

/** xvda, xvdb … xvdz, xvdaa … */
function deviceName(number: number): string {
  let letters = ''
  for (let rest = number; rest >= 0; rest = Math.floor(rest / 26) - 1) letters = String.fromCharCode(97 + (rest % 26)) + letters
  return `xvd${letters}`
}

function removeVbd(manager: StorageManager, vbd: Refstring): void {
  const { db } = manager
  const row = db.find('VBD', vbd)
  if (!row) return
  const vdi = text(row, 'VDI')
  const wasAttached = flag(row, 'currently_attached')
  db.delete('VBD', vbd)
  const disk = db.find('VDI', vdi)
  if (!disk || !wasAttached || attachedVbds(manager, vdi).length > 0) return
  // The last one that lets go closes the content with a name, unless it still has one (ocaml/xapi/storage_smapiv1.ml, deactivate).
  const config = map(disk, 'other_config')
  if (config.content_id === undefined) db.update('VDI', vdi, { other_config: { ...config, content_id: randomUUID() } })
  manager.refreshVdi(text(disk, 'uuid'))
  const sr = db.find('SR', text(disk, 'SR'))
  if (sr) manager.refreshSr(text(sr, 'uuid'))
}

/** VBDs through which somebody really holds the disk: those of a checkpoint's snapshot stay marked as attached, and nobody does. */
function attachedVbds(manager: StorageManager, vdi: Refstring) {
  const { db } = manager
  const vbds = (db.get('VDI', vdi).VBDs as readonly Refstring[]).map((vbd) => db.get('VBD', vbd))
  return vbds.filter((vbd) => {
    const vm = db.find('VM', text(vbd, 'VM'))
    return flag(vbd, 'currently_attached') && vm !== undefined && isLive(vm)
  })
}

function assertCanActivate(manager: StorageManager, vdi: Refstring, mode: 'RO' | 'RW'): void {
  const held = attachedVbds(manager, vdi)
  const refused =
    mode === 'RW'
      ? held.length > 0 && held.every((vbd) => text(vbd, 'mode') === 'RO')
      : held.some((vbd) => text(vbd, 'mode') === 'RW' && !isOfControlDomain(manager, vbd))
  if (!refused) return
  const state = (way: string) => `[S(Activated);S(${way})]`
  const [from, to] = mode === 'RW' ? ['RO', 'RW'] : ['RW', 'RO']
  throw new XapiFailure('INTERNAL_ERROR', [
    `Storage_interface.Storage_error ([S(Illegal_transition);[${state(from as string)};${state(to as string)}]])`,
  ])
}
