/**
 * Domains of simulated guests: what changes in the database when a VM gets a domain or loses it. Nothing here waits, so that a VM is
 * never seen half started.
 */
import { xapiDate } from '../database/xapi-date.ts'
import type { LabPool, Refstring, Row } from '../pool.ts'
import { linuxName } from './device-number.ts'
import { attachDisk, detachDisk } from './disk-attachment.ts'
import { count, flag, map, NULL_REF, text, texts } from './fields.ts'
import { bootGuest } from './guest-boot.ts'
import { createMetrics } from './vm-create.ts'
import { freeMemory } from './vm-facts.ts'
import type { PowerState } from './vm-operations.ts'

const COUNTER = ['counter', 'domid'] as const

function nextDomainId(pool: LabPool): number {
  const last = pool.db.documents.get(...COUNTER)
  const next = (typeof last === 'number' ? last : 0) + 1
  pool.db.documents.put(...COUNTER, next)
  return next
}

export interface NewDomain {
  readonly host: Refstring
  readonly paused: boolean
  readonly boot: boolean
}

/** Gives a VM a domain on a host with everything plugged. `boot`: the guest starts afresh; otherwise it goes on from a suspend image. */
export function startDomain(pool: LabPool, vm: Refstring, { host, paused, boot }: NewDomain): void {
  const { db } = pool
  const row = db.get('VM', vm)
  // A guest that goes on has the devices that it had: others of the VM are not given to it (create_metadata, ocaml/xapi/xapi_xenops.ml).
  const given = (kind: 'VBD' | 'VIF') => texts(row, `${kind}s`).filter((ref) => boot || flag(db.get(kind, ref), 'currently_attached'))
  for (const vbd of given('VBD')) attachDisk(pool, vbd, linuxName(text(db.get('VBD', vbd), 'userdevice')))
  for (const vif of given('VIF')) db.update('VIF', vif, { currently_attached: true })
  const domainType = text(row, 'domain_type')
  const now = xapiDate(pool.now())
  const cpus = count(row, 'VCPUs_at_startup')
  const running: Row = {
    memory_actual: count(row, 'memory_dynamic_min'),
    VCPUs_number: cpus,
    VCPUs_utilisation: Object.fromEntries(Array.from({ length: cpus }, (_, cpu) => [cpu, 0])),
    last_updated: now,
    hvm: domainType === 'hvm',
    current_domain_type: domainType,
    state: [paused ? 'paused' : 'running'],
    ...(boot && { start_time: now }),
  }
  const metrics = db.find('VM_metrics', text(row, 'metrics'))
  if (metrics) db.update('VM_metrics', text(row, 'metrics'), running)
  db.update('VM', vm, {
    power_state: paused ? 'Paused' : 'Running',
    domid: nextDomainId(pool),
    domarch: domainType === 'hvm' ? 'x86_64' : '',
    resident_on: host,
    scheduled_to_be_resident_on: NULL_REF,
    ...(!metrics && { metrics: createMetrics(pool, running) }),
  })
  createConsoles(pool, vm)
  if (boot) bootGuest(pool, vm)
  noteFreeMemory(pool, host)
}

/** Takes a VM's domain away. A suspended VM keeps its devices attached, as XAPI does (force_state_reset, xapi_vm_lifecycle.ml). */
export function endDomain(pool: LabPool, vm: Refstring, state: 'Halted' | 'Suspended'): void {
  const { db } = pool
  const row = db.get('VM', vm)
  // First the power state: what is attached to a VM that is not live counts as free when the disks' content is marked.
  db.update('VM', vm, { power_state: state, domid: -1, resident_on: NULL_REF, scheduled_to_be_resident_on: NULL_REF })
  if (state === 'Halted') {
    for (const vbd of texts(row, 'VBDs')) {
      detachDisk(pool, vbd)
      db.update('VBD', vbd, { current_operations: {} })
    }
    for (const vif of texts(row, 'VIFs')) db.update('VIF', vif, { currently_attached: false, current_operations: {} })
    db.update('VM', vm, { requires_reboot: false })
  } else {
    touchDevices(pool, vm)
  }
  for (const ref of texts(row, 'consoles')) db.delete('console', ref)
  if (db.find('host', text(row, 'resident_on'))) noteFreeMemory(pool, text(row, 'resident_on'))
}

/** Moves a live VM's domain to another host: nothing of the guest changes. */
export function moveDomain(pool: LabPool, vm: Refstring, host: Refstring): void {
  const from = text(pool.db.get('VM', vm), 'resident_on')
  pool.db.update('VM', vm, { resident_on: host, scheduled_to_be_resident_on: NULL_REF, domid: nextDomainId(pool) })
  createConsoles(pool, vm)
  for (const place of new Set([from, host])) noteFreeMemory(pool, place)
}

/** Between running and paused only the state changes. */
export function setDomainPaused(pool: LabPool, vm: Refstring, paused: boolean): void {
  const state: PowerState = paused ? 'Paused' : 'Running'
  pool.db.update('VM', vm, { power_state: state })
  const metrics = text(pool.db.get('VM', vm), 'metrics')
  if (pool.db.find('VM_metrics', metrics)) pool.db.update('VM_metrics', metrics, { state: [state.toLowerCase()] })
  touchDevices(pool, vm)
}

/** What a VM's devices and disks accept follows from its power state: clients are told to look again. */
function touchDevices({ db }: LabPool, vm: Refstring): void {
  const row = db.get('VM', vm)
  for (const vif of texts(row, 'VIFs')) db.touch('VIF', vif)
  for (const vbd of texts(row, 'VBDs')) {
    db.touch('VBD', vbd)
    const vdi = text(db.get('VBD', vbd), 'VDI')
    if (db.find('VDI', vdi)) db.touch('VDI', vdi)
  }
}

/** Notes a host's free memory where clients look for it. */
export function noteFreeMemory(pool: LabPool, host: Refstring): void {
  const metrics = text(pool.db.get('host', host), 'metrics')
  if (!pool.db.find('host_metrics', metrics)) return
  pool.db.update('host_metrics', metrics, { memory_free: freeMemory(pool, host), last_updated: xapiDate(pool.now()) })
}

function createConsoles(pool: LabPool, vm: Refstring): void {
  const { db } = pool
  const address = text(db.get('host', text(db.get('VM', vm), 'resident_on')), 'address')
  for (const ref of texts(db.get('VM', vm), 'consoles')) db.delete('console', ref)
  for (const protocol of hasScreen(db.get('VM', vm)) ? ['rfb', 'vt100'] : ['vt100']) {
    const console = db.create('console', { VM: vm, protocol })
    db.update('console', console, { location: `https://${address}/console?uuid=${text(db.get('console', console), 'uuid')}` })
  }
}

/** Whether the VM has an emulated screen. */
function hasScreen(vm: Row): boolean {
  return text(vm, 'domain_type') === 'hvm' && !flag(vm, 'is_control_domain') && map(vm, 'platform').vga !== 'none'
}
