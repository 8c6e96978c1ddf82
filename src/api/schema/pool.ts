/** Pools and what is seen of them, as src/core/control/pool-record.ts has them. */
import Type from 'typebox'
import { closed, count, failure, line, nullable, partial, timestamp } from './forms.ts'

const fingerprint = Type.String({
  pattern: '^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){31}$',
  description: 'SHA-256 of the certificate, `AB:CD:…`',
})
export const poolUrl = Type.String({ minLength: 1, maxLength: 500, description: '`https://host[:port]`, without user and password' })

export const certificate = closed(
  { fingerprint: Type.String(), subject: Type.String(), issuer: Type.String(), validFrom: timestamp, validTo: timestamp },
  { title: 'Certificate' },
)

const given = { url: poolUrl, user: line(), password: Type.String({ minLength: 1, maxLength: 1000, writeOnly: true }), fingerprint }
export const newPool = closed({ name: Type.Optional(line()), ...given }, { title: 'NewPool' })
export const poolChange = partial({ name: line(), ...given, enabled: Type.Boolean() }, { title: 'PoolChange' })

export const poolStatus = closed(
  {
    id: Type.String(),
    name: Type.String(),
    url: Type.String(),
    user: Type.String(),
    fingerprints: Type.Array(Type.String()),
    poolUuid: Type.String(),
    enabled: Type.Boolean(),
    createdAt: timestamp,
    state: Type.Enum(['connecting', 'connected', 'away', 'refused', 'disabled']),
    error: nullable(failure),
    since: timestamp,
    lastSeenAt: nullable(timestamp),
    version: nullable(Type.String()),
    counts: closed({ hosts: count, vms: count, srs: count }),
  },
  { title: 'Pool' },
)

export const poolTest = closed(
  { ok: Type.Boolean(), checks: Type.Array(closed({ name: Type.String(), ok: Type.Boolean(), text: Type.String() })) },
  { title: 'PoolTest' },
)

const named = { uuid: Type.String(), name: Type.String() }
export const inventory = closed(
  {
    pool: Type.String(),
    seenAt: timestamp,
    hosts: Type.Array(
      closed({ ...named, address: Type.String(), live: Type.Boolean(), isMaster: Type.Boolean() }, { title: 'InventoryHost' }),
    ),
    srs: Type.Array(
      closed(
        { ...named, type: Type.String(), shared: Type.Boolean(), usable: Type.Boolean(), size: Type.Number(), used: Type.Number() },
        { title: 'InventorySr' },
      ),
    ),
    networks: Type.Array(
      closed({ ...named, vlan: nullable(Type.Integer()), purposes: Type.Array(Type.String()) }, { title: 'InventoryNetwork' }),
    ),
    vms: Type.Array(
      closed(
        {
          ...named,
          description: Type.String(),
          powerState: Type.String(),
          tags: Type.Array(Type.String()),
          disks: Type.Array(
            closed({ ...named, userdevice: Type.String(), size: Type.Number(), sr: Type.String() }, { title: 'InventoryDisk' }),
          ),
          networks: Type.Array(Type.String()),
          bytesAllocated: Type.Number({ description: 'what its disks take on their storage, as its last scan found it' }),
          replicaOf: nullable(closed({ job: Type.String(), vm: Type.String() })),
          restorePoints: Type.Array(Type.String(), { description: 'of a replica: uuids of its restore points' }),
          startBlocked: Type.Boolean(),
          failedOver: nullable(
            closed(
              {
                job: Type.String(),
                vm: Type.String(),
                sr: Type.String(),
                clone: Type.Boolean(),
                state: Type.Enum(['preparing', 'active', 'turned']),
              },
              { title: 'InventoryFailover' },
            ),
          ),
        },
        { title: 'InventoryVm' },
      ),
    ),
  },
  { title: 'PoolInventory' },
)
