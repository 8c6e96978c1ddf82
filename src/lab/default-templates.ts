/** Templates that come with a pool. */
import { randomUUID } from 'node:crypto'
import type { Database } from './pool.ts'

const GiB = 1024 ** 3

/** Makes them, in an empty database. */
export function createDefaultTemplates(db: Database): void {
  for (const [label, memory, firmware] of [
    ['Other install media', GiB, 'bios'],
    ['Debian Bookworm 12', 2 * GiB, 'uefi'],
  ] as const) {
    db.create('VM', {
      name_label: label,
      is_a_template: true,
      is_default_template: true,
      power_state: 'Halted',
      user_version: 1,
      memory_static_max: memory,
      memory_dynamic_max: memory,
      memory_dynamic_min: memory,
      memory_static_min: memory / 2,
      VCPUs_max: 1,
      VCPUs_at_startup: 1,
      actions_after_shutdown: 'destroy',
      actions_after_reboot: 'restart',
      actions_after_crash: 'restart',
      HVM_boot_policy: 'BIOS order',
      HVM_boot_params: { order: 'cdn', firmware },
      HVM_shadow_multiplier: 1,
      domain_type: 'hvm',
      platform: { acpi: '1', apic: 'true', pae: 'true', viridian: 'true', vga: 'std', videoram: '8' },
      other_config: { default_template: 'true', 'install-methods': 'cdrom', mac_seed: randomUUID() },
      domid: -1,
      generation_id: '0:0',
    })
  }
}
