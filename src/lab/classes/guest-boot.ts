/** What a guest tells of itself once it has booted: nothing without guest tools. */
import { xapiDate } from '../database/xapi-date.ts'
import type { LabPool, Refstring } from '../pool.ts'
import { NULL_REF, text, texts } from './fields.ts'
import { guestOf } from './guest-tools.ts'

/** What Linux guest tools announce in xenstore's `control` and `data`. */
const FEATURES = {
  'feature-poweroff': '1',
  'feature-reboot': '1',
  'feature-suspend': '1',
  'feature-shutdown': '1',
  'feature-vcpu-hotplug': '1',
  'feature-balloon': '1',
  'platform-feature-multiprocessor-suspend': '1',
  'platform-feature-xs_reset_watches': '1',
}

/** Replaces the guest metrics by those of a guest that has just started. */
export function bootGuest(pool: LabPool, vm: Refstring): void {
  const { db } = pool
  deleteGuestMetrics(pool, vm)
  const guest = guestOf(pool, vm)
  if (!guest.tools) return
  const vifs = texts(db.get('VM', vm), 'VIFs').map((vif) => db.get('VIF', vif))
  const networks = vifs.flatMap((vif, index) => {
    const address = index === 0 && guest.address !== undefined ? guest.address : addressFor(text(vif, 'MAC'))
    const device = text(vif, 'device')
    return [
      [`${device}/ip`, address],
      [`${device}/ipv4/0`, address],
    ]
  })
  const name = guest.osName ?? 'Debian GNU/Linux 12 (bookworm)'
  const metrics = db.create('VM_guest_metrics', {
    os_version: { name, distro: 'debian', major: '12', minor: '0', uname: '6.1.0-amd64' },
    PV_drivers_version: { major: '8', minor: '2', micro: '0', build: '1' },
    PV_drivers_up_to_date: true,
    PV_drivers_detected: true,
    networks: Object.fromEntries(networks),
    other: FEATURES,
    last_updated: xapiDate(pool.now()),
    live: true,
    can_use_hotplug_vbd: 'yes',
    can_use_hotplug_vif: 'yes',
  })
  db.update('VM', vm, { guest_metrics: metrics })
}

export function deleteGuestMetrics(pool: LabPool, vm: Refstring): void {
  const metrics = text(pool.db.get('VM', vm), 'guest_metrics')
  pool.db.update('VM', vm, { guest_metrics: NULL_REF })
  if (pool.db.find('VM_guest_metrics', metrics)) pool.db.delete('VM_guest_metrics', metrics)
}

/** A private address that is the same whenever the MAC is. */
function addressFor(mac: string): string {
  const bytes = mac.split(':').map((part) => Number.parseInt(part, 16))
  return `10.${bytes[3] ?? 0}.${bytes[4] ?? 0}.${bytes[5] ?? 0}`
}
