import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MARK, REPLICA_TAG } from '../core/marks.ts'
import type { RecordOf } from '../xapi/records.generated.ts'
import { newReplica, replicaOtherConfig, replicaTags, settableBiosStrings, updateReplica } from './replica-config.ts'

type Vm = { -readonly [K in keyof RecordOf['VM']]: RecordOf['VM'][K] }

const GIB = 2 ** 30

/** A VM that has something in every field that matters here. */
function vm(changes: Partial<Vm> = {}): Vm {
  return {
    uuid: 'uuid',
    name_label: 'web',
    name_description: 'serves pages',
    user_version: 1,
    is_a_template: false,
    is_a_snapshot: false,
    affinity: 'OpaqueRef:host',
    memory_static_min: GIB,
    memory_static_max: 4 * GIB,
    memory_dynamic_min: 2 * GIB,
    memory_dynamic_max: 3 * GIB,
    VCPUs_params: { weight: '512' },
    VCPUs_max: 4,
    VCPUs_at_startup: 2,
    actions_after_shutdown: 'destroy',
    actions_after_reboot: 'restart',
    actions_after_crash: 'restart',
    PV_bootloader: '',
    PV_kernel: '',
    PV_ramdisk: '',
    PV_args: '',
    PV_bootloader_args: '',
    PV_legacy_args: '',
    HVM_boot_policy: 'BIOS order',
    HVM_boot_params: { order: 'cdn', firmware: 'uefi' },
    HVM_shadow_multiplier: 1,
    platform: { acpi: '1', viridian: 'true' },
    recommendations: '<restrictions/>',
    xenstore_data: { 'vm-data/x': 'y' },
    NVRAM: { 'EFI-variables': 'AAAA' },
    has_vendor_device: false,
    hardware_platform_version: 0,
    other_config: { mac_seed: 'seed', auto_poweron: 'true', [MARK.job]: 'another job', [MARK.replica]: '{}' },
    blocked_operations: { destroy: 'no' },
    tags: ['production'],
    bios_strings: { 'bios-vendor': 'ACME', 'system-version': '', 'hp-rombios': 'x', 'oem-1': 'Xen' },
    ha_always_run: true,
    ha_restart_priority: 'restart',
    domain_type: 'hvm',
    generation_id: '1:2',
    start_delay: 5,
    shutdown_delay: 6,
    order: 7,
    appliance: 'OpaqueRef:appliance',
    suspend_SR: 'OpaqueRef:sr',
    ...changes,
  } as Vm
}

/** The replica of `vm()` as it stands after a run. */
const settled = (changes: Partial<Vm> = {}) =>
  vm({ tags: ['production', REPLICA_TAG], ha_restart_priority: '', other_config: {}, ...changes })

const made = () => newReplica(vm(), 'web', 'being made', replicaOtherConfig(vm(), {}))

test('G4: a new replica is a template that nobody can start, and neither HA nor a start of the host would', () => {
  const record = made()
  assert.equal(record.is_a_template, true)
  assert.deepEqual([record.ha_always_run, record.ha_restart_priority, record.appliance], [false, '', 'OpaqueRef:NULL'])
  const config = record.other_config as Record<string, string>
  assert.equal('auto_poweron' in config, false)
  assert.equal(config[MARK.autoPoweron], 'true', 'what the source had is kept for a failover')
})

test('G4: auto_poweron travels under another name only, whatever its value', () => {
  for (const value of ['true', 'false', '']) {
    const config = replicaOtherConfig(vm({ other_config: { auto_poweron: value } }), {})
    assert.deepEqual(config, { [MARK.autoPoweron]: value })
  }
  assert.deepEqual(replicaOtherConfig(vm({ other_config: {} }), {}), {})
})

test('marks of any replication on the source stay there; our own are added', () => {
  assert.deepEqual(replicaOtherConfig(vm(), { [MARK.sr]: 'R' }), { mac_seed: 'seed', [MARK.autoPoweron]: 'true', [MARK.sr]: 'R' })
})

test('a new replica has what a boot needs, and nothing that means something in the pool of the source only', () => {
  const source = vm()
  const record = made()
  for (const field of [
    'user_version',
    'memory_static_min',
    'memory_static_max',
    'memory_dynamic_min',
    'memory_dynamic_max',
    'VCPUs_params',
    'VCPUs_max',
    'VCPUs_at_startup',
    'actions_after_shutdown',
    'actions_after_reboot',
    'actions_after_crash',
    'PV_args',
    'HVM_boot_policy',
    'HVM_boot_params',
    'platform',
    'recommendations',
    'xenstore_data',
    'NVRAM',
    'has_vendor_device',
    'domain_type',
    'generation_id',
    'order',
    'start_delay',
    'shutdown_delay',
  ] as const) {
    assert.deepEqual(record[field], source[field], field)
  }
  assert.deepEqual([record.affinity, record.suspend_SR, record.appliance], Array(3).fill('OpaqueRef:NULL'))
  assert.deepEqual(record.blocked_operations, {})
})

test('every field that VM.create demands is there, whatever the source looks like', () => {
  const required =
    'user_version is_a_template affinity memory_static_max memory_static_min memory_dynamic_max memory_dynamic_min VCPUs_params VCPUs_max VCPUs_at_startup actions_after_shutdown actions_after_reboot actions_after_crash PV_bootloader PV_kernel PV_ramdisk PV_args PV_bootloader_args PV_legacy_args HVM_boot_policy HVM_boot_params platform PCI_bus other_config recommendations'
  const record = made()
  for (const field of required.split(' ')) assert.notEqual(record[field], undefined, field)
})

test('a shadow multiplier travels only where it is no whole number', () => {
  assert.equal('HVM_shadow_multiplier' in made(), false)
  const source = vm({ HVM_shadow_multiplier: 1.5 })
  assert.equal(newReplica(source, '', '', {}).HVM_shadow_multiplier, 1.5)
})

test('tags are the source’s and ours, once', () => {
  assert.deepEqual(replicaTags(vm()), ['production', REPLICA_TAG])
  assert.deepEqual(replicaTags(vm({ tags: [REPLICA_TAG, 'a', 'a'] })), [REPLICA_TAG, 'a'])
})

test('BIOS strings that XAPI would refuse are left out', () => {
  assert.deepEqual(settableBiosStrings(vm()), { 'bios-vendor': 'ACME' })
})

test('nothing is called when nothing differs, in whatever order the server lists keys and tags', () => {
  assert.deepEqual(updateReplica(vm(), settled()), [])
  const reordered = settled({ tags: [REPLICA_TAG, 'production'], HVM_boot_params: { firmware: 'uefi', order: 'cdn' } })
  assert.deepEqual(updateReplica(vm(), reordered), [])
})

test('a field that an older server does not have is left alone', () => {
  const source = vm()
  delete (source as Partial<Vm>).NVRAM
  assert.deepEqual(updateReplica(source, settled()), [])
  assert.equal('NVRAM' in newReplica(source, '', '', {}), false)
})

test('what differs is set, one call a field', () => {
  assert.deepEqual(updateReplica(vm(), settled({ name_label: 'old', platform: { acpi: '0' } })), [
    { method: 'VM.set_name_label', params: ['web'] },
    { method: 'VM.set_platform', params: [{ acpi: '1', viridian: 'true' }] },
  ])
})

test('memory limits are set in one call, in the order static min, static max, dynamic min, dynamic max', () => {
  for (const field of ['memory_static_min', 'memory_static_max', 'memory_dynamic_min', 'memory_dynamic_max'] as const) {
    assert.deepEqual(updateReplica(vm(), settled({ [field]: 7 })), [
      { method: 'VM.set_memory_limits', params: [GIB, 4 * GIB, 2 * GIB, 3 * GIB] },
    ])
  }
})

test('VCPUs at start-up are never more than the most, at no moment between the calls', () => {
  for (const [sourceMax, sourceStart, max, start] of [
    [8, 8, 4, 2],
    [2, 1, 4, 4],
    [4, 4, 4, 2],
    [4, 1, 4, 4],
    [1, 1, 16, 16],
    [16, 16, 1, 1],
  ] as const) {
    const replica = { max: max as number, start: start as number }
    const source = vm({ VCPUs_max: sourceMax, VCPUs_at_startup: sourceStart })
    for (const { method, params } of updateReplica(source, settled({ VCPUs_max: max, VCPUs_at_startup: start }))) {
      if (method === 'VM.set_VCPUs_max') replica.max = params[0] as number
      else if (method === 'VM.set_VCPUs_at_startup') replica.start = params[0] as number
      else assert.fail(method)
      assert.ok(replica.start <= replica.max, `${replica.start} of ${replica.max}`)
    }
    assert.deepEqual(replica, { max: sourceMax, start: sourceStart })
  }
})

test('G4: a restart priority that somebody gave the replica is taken away', () => {
  assert.deepEqual(updateReplica(vm(), settled({ ha_restart_priority: 'restart' })), [
    { method: 'VM.set_ha_restart_priority', params: [''] },
  ])
})

test('tags that are missing are added, those that the source lost go', () => {
  assert.deepEqual(updateReplica(vm(), settled({ tags: ['production', 'old'] })), [
    { method: 'VM.set_tags', params: [['production', REPLICA_TAG]] },
  ])
})
