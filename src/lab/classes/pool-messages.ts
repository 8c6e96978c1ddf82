/** Pool messages; there is no load balancing and no repository (ocaml/xapi/xapi_pool.ml). */
import { enums } from '../../xapi/model.ts'
import { assertReachable } from '../hosts/away.ts'
import { hostsOf } from '../hosts/pool-hosts.ts'
import { type Call, type MessageTable, type Refstring, XapiFailure } from '../pool.ts'
import { createBlob } from './blob.ts'
import { flag, map } from './fields.ts'
import type { ClassPart } from './tables.ts'
import { isPlugged } from './vm-placement.ts'

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

/**
 * Every toolstack restarts for it (attempt_two_phase_commit_of_new_master, xapi_pool_transition.ml): the answer is out by then, sessions
 * and tasks are gone afterwards.
 */
function designateMaster({ pool }: Call, host: Refstring): undefined {
  pool.db.get('host', host)
  if (host === pool.refs.host) return
  if (flag(pool.db.get('pool', pool.refs.pool), 'ha_enabled')) throw new XapiFailure('HA_IS_ENABLED')
  assertReachable(pool.db, host)
  const hosts = hostsOf(pool)
  hosts?.soon(() => hosts.becomeMaster(host))
}

/** HA needs a place for its state that all hosts see. What it does is in src/lab/hosts/host-life.ts; it plans nothing ahead. */
function enableHa({ pool }: Call, statefileSrs: readonly Refstring[]): undefined {
  const { db, refs } = pool
  const hosts = db.refs('host')
  const srs = statefileSrs.length > 0 ? statefileSrs : db.refs('SR')
  const able = srs.some((sr) => flag(db.get('SR', sr), 'shared') && hosts.every((host) => isPlugged(pool, sr, host)))
  if (hosts.length === 1 || !able) throw new XapiFailure('CANNOT_CREATE_STATE_FILE')
  db.update('pool', refs.pool, { ha_enabled: true, ha_allow_overcommit: true })
}

function disableHa({ pool: { db, refs } }: Call): undefined {
  db.update('pool', refs.pool, { ha_enabled: false })
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
  'pool.disable_ha': disableHa,
  'pool.enable_ha': enableHa,
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
