/** What a freshly installed pool of one host has: pool, host, control domain, networks, storage, templates. */
import { createHash, randomUUID, X509Certificate } from 'node:crypto'
import { NULL } from './database/empty-value.ts'
import { xapiDate } from './database/xapi-date.ts'
import { createDefaultTemplates } from './default-templates.ts'
import type { Database, Refstring } from './pool.ts'
import { createStorageDrivers } from './storage-drivers.ts'

const GiB = 1024 ** 3

export interface FirstObjects {
  readonly name: string
  readonly address: string
  readonly cert: string
  readonly now: Date
  /** Names of the SRs; the first is the pool's default. */
  readonly srs: readonly string[]
  /** Whether the management network is for NBD. */
  readonly nbd: boolean
}

export interface WellKnown {
  readonly pool: Refstring
  readonly host: Refstring
  readonly controlDomain: Refstring
}

/** Creates them in an empty database. */
export function createFirstObjects(db: Database, options: FirstObjects): WellKnown {
  const host = createHost(db, { ...options, name: `${options.name}-host` })
  const controlDomain = createControlDomain(db, host, options.now)
  db.update('host', host, { control_domain: controlDomain })
  createNetworks(db, host, options)
  createStorageDrivers(db)
  const srs = options.srs.map((name) => createSr(db, host, name))
  const pool = db.create('pool', {
    name_label: options.name,
    master: host,
    default_SR: srs[0] ?? NULL,
    suspend_image_SR: srs[0] ?? NULL,
    crash_dump_SR: srs[0] ?? NULL,
    wlb_enabled: false,
    tls_verification_enabled: true,
    migration_compression: false,
    coordinator_bias: true,
    cpu_info: CPU,
    restrictions: {},
    ext_auth_cache_size: 50,
    ext_auth_cache_expiry: 300,
    local_auth_max_threads: 8,
    ext_auth_max_threads: 1,
    telemetry_frequency: 'weekly',
    update_sync_frequency: 'weekly',
  })
  createCertificate(db, host, options.cert)
  createDefaultTemplates(db)
  return { pool, host, controlDomain }
}

/** Finds them again in a database that was reopened; drivers that are known now and were not then are added. */
export function findFirstObjects(db: Database): WellKnown | undefined {
  const pool = db.refs('pool')[0]
  if (pool === undefined) return undefined
  createStorageDrivers(db)
  const host = db.get('pool', pool).master as Refstring
  return { pool, host, controlDomain: db.get('host', host).control_domain as Refstring }
}

const CPU: Readonly<Record<string, string>> = {
  cpu_count: '8',
  socket_count: '1',
  threads_per_core: '1',
  vendor: 'GenuineIntel',
  speed: '2400.000',
  modelname: 'Simulated CPU @ 2.40GHz',
  family: '6',
  model: '85',
  stepping: '7',
  flags:
    'fpu de tsc msr pae mce cx8 apic sep mca cmov pat clflush mmx fxsr sse sse2 ht syscall nx lm pni ssse3 cx16 sse4_1 sse4_2 popcnt aes avx',
  features: '',
  features_pv: '',
  features_hvm: '',
  features_hvm_host: '',
  features_pv_host: '',
}

export interface HostFacts {
  readonly address: string
  readonly now: Date
}

export function createHost(db: Database, { name, address, now }: HostFacts & { readonly name: string }): Refstring {
  const metrics = db.create('host_metrics', { memory_total: 64 * GiB, memory_free: 56 * GiB, live: true, last_updated: xapiDate(now) })
  return db.create('host', {
    name_label: name,
    name_description: 'Default install',
    hostname: name,
    address,
    enabled: true,
    metrics,
    API_version_major: 2,
    API_version_minor: 21,
    API_version_vendor: 'XenSource',
    software_version: {
      product_brand: 'XCP-ng',
      product_version: '8.3.0',
      product_version_text: '8.3',
      platform_name: 'XCP',
      platform_version: '3.4.0',
      xapi: '26.1',
      xapi_build: '26.1.19',
      xen: '4.17.5',
      linux: '4.19.0+1',
      hostname: 'localhost',
      network_backend: 'openvswitch',
    },
    capabilities: ['xen-3.0-x86_64', 'hvm-3.0-x86_32', 'hvm-3.0-x86_32p', 'hvm-3.0-x86_64'],
    supported_bootloaders: ['pygrub', 'eliloader'],
    cpu_info: CPU,
    sched_policy: 'credit',
    edition: 'xcp-ng',
    editions: ['xcp-ng'],
    license_params: { expiry: '20991231T00:00:00Z', restrict_nbd: 'false', restrict_cbt: 'false' },
    bios_strings: {
      'bios-vendor': 'Xen',
      'bios-version': '',
      'system-manufacturer': 'Xen',
      'system-product-name': 'HVM domU',
      'system-version': '',
      'system-serial-number': '',
      'hp-rombios': '',
    },
    virtual_hardware_platform_versions: [0, 1, 2],
    tls_verification_enabled: true,
    https_only: true,
    ssh_enabled: true,
    iscsi_iqn: 'iqn.2026-01.lab.understudy:host',
    timezone: 'UTC',
    display: 'enabled',
  })
}

export function createControlDomain(db: Database, host: Refstring, now: Date): Refstring {
  const uuid = randomUUID()
  const metrics = db.create('VM_metrics', {
    memory_actual: 4 * GiB,
    VCPUs_number: 4,
    state: [],
    start_time: xapiDate(now),
    last_updated: xapiDate(now),
    current_domain_type: 'pv',
  })
  return db.create('VM', {
    uuid,
    name_label: 'Control domain on host',
    name_description: 'The domain which manages physical devices and manages other domains',
    is_control_domain: true,
    power_state: 'Running',
    resident_on: host,
    affinity: host,
    domid: 0,
    metrics,
    memory_target: 4 * GiB,
    memory_static_max: 4 * GiB,
    memory_static_min: 4 * GiB,
    memory_dynamic_max: 4 * GiB,
    memory_dynamic_min: 4 * GiB,
    VCPUs_max: 4,
    VCPUs_at_startup: 4,
    actions_after_shutdown: 'destroy',
    actions_after_reboot: 'destroy',
    actions_after_crash: 'destroy',
    domain_type: 'pv',
    other_config: { is_system_domain: 'true', storage_driver_domain: NULL },
  })
}

function createNetworks(db: Database, host: Refstring, { address, nbd, now }: FirstObjects): void {
  for (const [index, label] of ['Pool-wide network associated with eth0', 'Pool-wide network associated with eth1'].entries()) {
    const management = index === 0
    const network = db.create('network', {
      name_label: label,
      bridge: `xenbr${index}`,
      MTU: 1500,
      managed: true,
      purpose: management && nbd ? ['nbd'] : [],
    })
    createInterface(db, host, { address, now, network, index, number: 1 })
  }
}

export interface NewInterface extends HostFacts {
  readonly network: Refstring
  /** Which of the host's: 0 is for management, and has the host's address. */
  readonly index: number
  /** Which of the pool's hosts, from 1. */
  readonly number: number
}

/** The interface of a host on a network of the pool. */
export function createInterface(db: Database, host: Refstring, { address, now, network, index, number }: NewInterface): void {
  const management = index === 0
  const metrics = db.create('PIF_metrics', {
    carrier: true,
    vendor_name: 'Intel Corporation',
    device_name: 'Ethernet Controller',
    speed: 10_000,
    duplex: true,
    last_updated: xapiDate(now),
  })
  db.create('PIF', {
    device: `eth${index}`,
    network,
    host,
    MAC: `02:00:00:00:${(number - 1).toString(16).padStart(2, '0')}:0${index}`,
    MTU: 1500,
    VLAN: -1,
    metrics,
    physical: true,
    managed: true,
    currently_attached: true,
    management,
    disallow_unplug: management,
    ...(management ? { ip_configuration_mode: 'Static', IP: address, netmask: '255.0.0.0' } : {}),
  })
}

/** A file SR of the host, plugged. Its sizes are what the storage manager says. */
export function createSr(db: Database, host: Refstring, name: string): Refstring {
  const uuid = randomUUID()
  const sr = db.create('SR', { uuid, name_label: name, type: 'file', content_type: 'user', physical_size: 2048 * GiB, shared: false })
  db.create('PBD', { host, SR: sr, device_config: { location: `/srv/${uuid}` }, currently_attached: true })
  return sr
}

export function createCertificate(db: Database, host: Refstring, pem: string): void {
  const certificate = new X509Certificate(pem)
  const print = (algorithm: string) => {
    const hex = createHash(algorithm).update(certificate.raw).digest('hex').toUpperCase()
    return hex.replace(/(..)(?=.)/g, '$1:')
  }
  db.create('Certificate', {
    type: 'host',
    host,
    not_before: xapiDate(new Date(certificate.validFrom)),
    not_after: xapiDate(new Date(certificate.validTo)),
    fingerprint: print('sha256'),
    fingerprint_sha256: print('sha256'),
    fingerprint_sha1: print('sha1'),
  })
}
