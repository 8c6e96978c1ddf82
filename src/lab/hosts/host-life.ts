/** What becomes of the pool's objects when a host goes away and comes back. */
import { noteCutTracking } from '../classes/cut-tracking.ts'
import { endDomain } from '../classes/domain.ts'
import { flag, map, text, texts } from '../classes/fields.ts'
import { leaveMessage } from '../classes/message.ts'
import { isLive } from '../classes/vm-facts.ts'
import type { LabPool, Refstring, Row } from '../pool.ts'
import { storageManagerOf } from '../storage/manager.ts'
import { scanSr } from '../storage/scan.ts'

/** VMs that the database says are on a host, the control domain apart. */
export function guestsOn({ db }: LabPool, host: Refstring): Refstring[] {
  return texts(db.get('host', host), 'resident_VMs').filter((vm) => !flag(db.get('VM', vm), 'is_control_domain'))
}

/** Guests of a host that has booted afresh are halted (resync_resident_on in xen-api ocaml/xapi/xapi_xenops.ml). Answers which. */
export function haltGuests(pool: LabPool, host: Refstring): Refstring[] {
  const guests = guestsOn(pool, host)
  for (const vm of guests) {
    pool.db.update('VM', vm, { current_operations: {} })
    noteCutTracking(pool, vm)
    endDomain(pool, vm, 'Halted')
  }
  return guests
}

export function setLive(pool: LabPool, host: Refstring, live: boolean): void {
  pool.db.update('host_metrics', text(pool.db.get('host', host), 'metrics'), { live })
  pool.db.touch('host', host)
}

/** All at once, as at a shutdown (unplug_all_pbds in xapi_pbd.ml) and at a boot (plug_unplugged_pbds in create_storage.ml). */
export function setPlugged(pool: LabPool, host: Refstring, plugged: boolean): void {
  const { db } = pool
  for (const pbd of texts(db.get('host', host), 'PBDs')) {
    if (flag(db.get('PBD', pbd), 'currently_attached') === plugged) continue
    db.update('PBD', pbd, { currently_attached: plugged })
    const sr = text(db.get('PBD', pbd), 'SR')
    db.touch('SR', sr)
    if (plugged && text(db.get('SR', sr), 'content_type') !== 'iso') scanSr(storageManagerOf(pool), sr)
  }
}

/**
 * What scripts/xapi-autostart-vms of xen-api does when a host has booted: when the pool wants it, VM.start of every halted VM that
 * wants it, one after the other, whatever fails. The pool's own protection of VMs (`blocked_operations`) is all that holds it back.
 */
export async function autoPowerOn(pool: LabPool): Promise<void> {
  const { db, refs } = pool
  const wants = (row: Row) => map(row, 'other_config').auto_poweron === 'true'
  if (!wants(db.get('pool', refs.pool))) return
  for (const vm of db.refs('VM')) {
    const row = db.find('VM', vm)
    const idle = row && text(row, 'power_state') === 'Halted' && !flag(row, 'is_a_template') && !flag(row, 'is_a_snapshot')
    if (!idle || !wants(row)) continue
    await pool.invoke('VM.start', vm, false, false).catch(() => undefined)
  }
}

/**
 * What HA does once a host is dead (restart_auto_run_vms in xen-api ocaml/xapi/xapi_ha_vm_failover.ml): its guests are halted; VMs of
 * priority `restart` that should run, then those lost of priority `best-effort`, are started by VM.start with `force`. That goes
 * through the same checks as anybody's VM.start: `force` skips nothing of `blocked_operations`. A protected VM that did not start
 * leaves a message.
 */
export async function restartByHa(pool: LabPool, host: Refstring): Promise<void> {
  const { db } = pool
  if (!flag(db.get('pool', pool.refs.pool), 'ha_enabled')) return
  const lost = haltGuests(pool, host)
  const name = text(db.get('host', host), 'name_label')
  const uuid = text(db.get('host', host), 'uuid')
  leaveMessage(pool, { name: 'HA_HOST_FAILED', priority: 3, cls: 'Host', obj_uuid: uuid, body: `Server '${name}' has failed` })
  const isProtected = (row: Row) => flag(row, 'ha_always_run') && text(row, 'ha_restart_priority') === 'restart'
  const halted = (vm: Refstring) => text(db.get('VM', vm), 'power_state') === 'Halted'
  for (const vm of db.refs('VM').filter((ref) => isProtected(db.get('VM', ref)) && halted(ref))) {
    try {
      await pool.invoke('VM.start', vm, false, true)
    } catch {
      const row = db.find('VM', vm)
      if (!row || isLive(row)) continue
      leaveMessage(pool, { name: 'HA_PROTECTED_VM_RESTART_FAILED', priority: 2, cls: 'VM', obj_uuid: text(row, 'uuid'), body: '' })
    }
  }
  for (const vm of lost) {
    const row = db.find('VM', vm)
    if (row && text(row, 'ha_restart_priority') === 'best-effort' && halted(vm))
      await pool.invoke('VM.start', vm, false, true).catch(() => undefined)
  }
}
