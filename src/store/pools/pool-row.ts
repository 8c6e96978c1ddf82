import type { Insertable, Selectable } from 'kysely'
import type { Timestamp } from '../../core/control/job.ts'
import type { PoolRecord } from '../../core/control/pool-record.ts'
import type { Tables } from '../schema.ts'
import { fromTimestamp, fromTimestampOrNull, toTimestamp, toTimestampOrNull } from '../timestamps.ts'

export interface StoredPool {
  readonly record: PoolRecord
  /** The password, sealed (secrets/). */
  readonly secret: string
  readonly lastSeenAt: Timestamp | null
  /** Fingerprint by `host:port`, as the pool told of its hosts; none of a pool that is stored first. */
  readonly knownHosts?: ReadonlyMap<string, string>
  /** How often in a row the pool refused the password. */
  readonly loginRefusals?: number
}

export function poolOfRow(row: Selectable<Tables['pools']>): StoredPool {
  return {
    record: {
      id: row.id,
      name: row.name,
      url: row.url,
      user: row.user_name,
      fingerprints: JSON.parse(row.fingerprints) as string[],
      poolUuid: row.pool_uuid,
      enabled: row.enabled === 1,
      createdAt: toTimestamp(row.created_at),
    },
    secret: row.secret,
    lastSeenAt: toTimestampOrNull(row.last_seen_at),
    knownHosts: new Map(Object.entries(JSON.parse(row.known_hosts) as Record<string, string>)),
    loginRefusals: row.login_refusals,
  }
}

/** Without what is only learned of it (note-pool.ts). */
export function rowOfPool({ record, secret, lastSeenAt }: StoredPool): Insertable<Tables['pools']> {
  return {
    id: record.id,
    name: record.name,
    url: record.url,
    user_name: record.user,
    secret,
    fingerprints: JSON.stringify(record.fingerprints),
    pool_uuid: record.poolUuid,
    enabled: record.enabled ? 1 : 0,
    created_at: fromTimestamp(record.createdAt),
    last_seen_at: fromTimestampOrNull(lastSeenAt),
  }
}
