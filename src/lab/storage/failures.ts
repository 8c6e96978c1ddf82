import { XapiFailure } from '../pool.ts'

/** A failure of the storage driver: `SR_BACKEND_FAILURE_<n>` with an empty first and last parameter (xen-api ocaml/xapi/sm_exec.ml). */
export function backendFailure(number: number, text: string, detail = ''): XapiFailure {
  return new XapiFailure(`SR_BACKEND_FAILURE_${number}`, ['', detail === '' ? text : `${text} [opterr=${detail}]`, ''])
}

/** What reaches a client when a block device returned EIO. */
export function deviceFailure(): XapiFailure {
  return new XapiFailure('VDI_IO_ERROR', ['Device I/O errors'])
}

/** Errors name a type by its display name (xen-api ocaml/xapi-cli-server/record_util.ml). */
const DISPLAY_NAMES: Readonly<Record<string, string>> = {
  system: 'System',
  user: 'User',
  ephemeral: 'Ephemeral',
  suspend: 'Suspend',
  crashdump: 'Crashdump',
  ha_statefile: 'HA statefile',
  metadata: 'Metadata',
  redo_log: 'Redo log',
  rrd: 'rrd',
  pvs_cache: 'PVS cache',
  cbt_metadata: 'CBT metadata',
}

export function typeFailure(vdi: string, type: string): XapiFailure {
  return new XapiFailure('VDI_INCOMPATIBLE_TYPE', [vdi, DISPLAY_NAMES[type] ?? type])
}
