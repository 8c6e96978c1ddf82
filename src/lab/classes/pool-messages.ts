/** Pool messages: a pool of one host, without HA, load balancing or a repository (ocaml/xapi/xapi_pool.ml). */
import { enums } from '../../xapi/model.ts'
import { type Call, type MessageTable, type Refstring, XapiFailure } from '../pool.ts'
import { createBlob } from './blob.ts'
import { map } from './fields.ts'
import type { ClassPart } from './tables.ts'

const nothing = () => undefined

function refuse(code: string, ...params: readonly string[]) {
  return () => {
    throw new XapiFailure(code, params)
  }
}

function createPoolBlob(call: Call, pool: Refstring, name: string, mimeType: string, isPublic = false): Refstring {
  const blobs = map(call.pool.db.get('pool', pool), 'blobs')
  const blob = createBlob(call, { mimeType, isPublic })
  call.pool.db.update('pool', pool, { blobs: { ...blobs, [name]: blob } })
  return blob
}

/** Only the host that is the master already can be named: there is no other. */
function designateMaster(call: Call, host: Refstring): undefined {
  call.pool.db.get('host', host)
}

function setSsh({ pool: { db } }: Call, enabled: boolean): undefined {
  for (const host of db.refs('host')) db.update('host', host, { ssh_enabled: enabled })
}

const messages: MessageTable = {
  // The database is durable with every answer.
  'pool.sync_database': nothing,
  'pool.certificate_sync': nothing,
  'pool.enable_tls_verification': nothing,
  'pool.recover_slaves': () => [],
  'pool.has_extension': () => false,
  'pool.designate_new_master': designateMaster,
  'pool.create_new_blob': createPoolBlob,
  'pool.certificate_list': () => [],
  'pool.crl_list': () => [],
  'pool.get_license_state': () => ({ edition: 'xcp-ng', expiry: 'never' }),
  'pool.get_guest_secureboot_readiness': () => 'not_ready',
  'pool.disable_ha': nothing,
  'pool.enable_ha': refuse('CANNOT_CREATE_STATE_FILE'),
  'pool.ha_failover_plan_exists': (_call, failures: number) => failures <= 0,
  'pool.ha_compute_max_host_failures_to_tolerate': () => 0,
  'pool.ha_compute_hypothetical_max_host_failures_to_tolerate': () => 0,
  'pool.ha_compute_vm_failover_plan': () => ({}),
  'pool.ha_prevent_restarts_for': refuse('HA_NOT_ENABLED'),
  'pool.set_ha_host_failures_to_tolerate': refuse('HA_NOT_ENABLED'),
  'pool.retrieve_wlb_configuration': refuse('WLB_NOT_INITIALIZED'),
  'pool.retrieve_wlb_recommendations': refuse('WLB_NOT_INITIALIZED'),
  'pool.send_wlb_configuration': refuse('WLB_NOT_INITIALIZED'),
  'pool.deconfigure_wlb': nothing,
  'pool.set_wlb_enabled': refuse('WLB_NOT_INITIALIZED'),
  'pool.enable_ssh': (call) => setSsh(call, true),
  'pool.disable_ssh': (call) => setSsh(call, false),
  'pool.eject': (call, host: Refstring) => {
    call.pool.db.get('host', host)
    throw new XapiFailure('OPERATION_NOT_ALLOWED', ['The master can not be ejected'])
  },
  'pool.join': refuse('OPERATION_NOT_ALLOWED', 'A lab pool does not join another'),
  'pool.join_force': refuse('OPERATION_NOT_ALLOWED', 'A lab pool does not join another'),
}

export const poolPart: ClassPart = {
  messages,
  prepare(pool) {
    const all = enums.pool_allowed_operations ?? []
    pool.db.derive('pool', 'allowed_operations', () => all.filter((operation) => operation !== 'ha_disable'))
  },
}
