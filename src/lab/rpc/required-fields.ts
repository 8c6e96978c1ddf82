/**
 * Keys that a constructor's record must have, because the data model gives them no default (xen-api ocaml/idl/datamodel.ml and
 * datamodel_vm.ml: fields without default_value). All other keys may be missing.
 */
const required: Readonly<Record<string, readonly string[]>> = {
  VM: [
    'user_version',
    'is_a_template',
    'affinity',
    'memory_static_max',
    'memory_dynamic_max',
    'memory_dynamic_min',
    'memory_static_min',
    'VCPUs_params',
    'VCPUs_max',
    'VCPUs_at_startup',
    'actions_after_shutdown',
    'actions_after_reboot',
    'actions_after_crash',
    'PV_bootloader',
    'PV_kernel',
    'PV_ramdisk',
    'PV_args',
    'PV_bootloader_args',
    'PV_legacy_args',
    'HVM_boot_policy',
    'HVM_boot_params',
    'platform',
    'PCI_bus',
    'other_config',
    'recommendations',
  ],
  VDI: ['SR', 'virtual_size', 'type', 'sharable', 'read_only', 'other_config'],
  VBD: ['VM', 'VDI', 'userdevice', 'bootable', 'mode', 'type', 'empty', 'other_config', 'qos_algorithm_type', 'qos_algorithm_params'],
  VIF: ['device', 'network', 'VM', 'MAC', 'MTU', 'other_config', 'qos_algorithm_type', 'qos_algorithm_params'],
  PBD: ['host', 'SR', 'device_config'],
  network: ['other_config'],
  secret: ['value'],
  crashdump: ['VM', 'VDI'],
}

export function requiredFields(className: string): readonly string[] {
  return required[className] ?? []
}
