import { setImmediate as turn } from 'node:timers/promises'
import { flag, map, text, texts } from '../classes/fields.ts'
import type { LabPool, Refstring, Row } from '../pool.ts'
import { formatsOf } from '../storage/image-formats.ts'
import { storageManagerOf } from '../storage/manager.ts'
import type { ControlRoutes } from './control-server.ts'
import { type ControlledPool, runningPool } from './controlled-pool.ts'
import { ControlError } from './request-fields.ts'

const GiB = 2 ** 30
const LARGEST_SR = 2 ** 50
const PIECE = 64 * 1024

interface Kind {
  readonly type: readonly [local: string, shared: string]
  readonly deviceConfig?: Readonly<Record<string, string>>
  readonly smConfig?: Readonly<Record<string, string>>
}

/** What SRs a pool can be given, by what they mean to a client; the driver that reality has for it. */
const KINDS: Readonly<Record<string, Kind>> = {
  /** VHD files. */
  thin: { type: ['ext', 'nfs'] },
  /** Logical volumes as large as their disks. */
  thick: { type: ['lvm', 'lvmoiscsi'], smConfig: { allocation: 'thick', use_vhd: 'true' } },
  /** qcow2 images, up to 16 TiB. */
  qcow2: { type: ['ext', 'nfs'], deviceConfig: { 'preferred-image-formats': 'qcow2' } },
  /** VHDs and nothing else: no disk above 2040 GiB. */
  'vhd-only': { type: ['file', 'smb'] },
  /** No change tracking (XOSTOR). */
  'no-cbt': { type: ['linstor', 'linstor'] },
  /** A LUN for each disk: neither snapshots nor clones. */
  'no-snapshots': { type: ['iscsi', 'iscsi'] },
}
const KIND_NAMES = Object.keys(KINDS)

/** SRs of all kinds, long chains, and the networks that NBD is served on. */
export function storageRoutes(controlled: ControlledPool): ControlRoutes {
  return {
    'GET /srs': {
      what: 'the SRs: type, formats, sizes',
      answer: () => {
        const pool = runningPool(controlled)
        return { srs: pool.db.refs('SR').map((sr) => describeSr(pool, sr)) }
      },
    },
    'POST /srs': {
      what: `a new SR: {name, kind: ${KIND_NAMES.join('|')}[, size][, shared]}; size in bytes, 0: no end`,
      answer: async ({ fields }) => {
        const pool = runningPool(controlled)
        const name = fields.text('name')
        const kind = KINDS[fields.oneOf('kind', KIND_NAMES)] as Kind
        const size = fields.integer('size', { least: 0, most: LARGEST_SR }, 2048 * GiB)
        const shared = fields.flag('shared', false)
        fields.done()
        const type = kind.type[shared ? 1 : 0]
        const config = [pool.refs.host, kind.deviceConfig ?? {}, size, name, '', type, 'user', shared, kind.smConfig ?? {}]
        const sr = (await pool.invoke('SR.create', ...config)) as Refstring
        pool.db.commit()
        return { sr: describeSr(pool, sr) }
      },
    },
    'POST /srs/UUID': {
      what: 'change the size of an SR: {size} in bytes, 0: no end. Less than it holds: it is full',
      answer: ({ fields, uuid }) => {
        const pool = runningPool(controlled)
        const size = fields.integer('size', { least: 0, most: LARGEST_SR })
        fields.done()
        const sr = pool.db.byUuid('SR', uuid ?? '')
        if (sr === undefined) throw new ControlError(404, `there is no SR ${uuid}`)
        pool.db.update('SR', sr, { physical_size: size })
        pool.db.commit()
        return { sr: describeSr(pool, sr) }
      },
    },
    'POST /disk/snapshots': {
      what: 'a long chain: {vdi, count} takes so many snapshots of a disk; before each it is written to without being changed, so that each adds an image',
      answer: async ({ fields, signal }) => {
        const pool = runningPool(controlled)
        const uuid = fields.text('vdi')
        const count = fields.integer('count', { least: 1, most: 100 })
        fields.done()
        const vdi = pool.db.byUuid('VDI', uuid)
        if (vdi === undefined) throw new ControlError(404, `there is no VDI ${uuid}`)
        const snapshots: string[] = []
        for (let nth = 0; nth < count; nth += 1) {
          signal.throwIfAborted()
          const disk = pool.storage.disk(vdi)
          disk.write(0, disk.read(0, Math.min(PIECE, disk.size)))
          const snapshot = (await pool.invoke('VDI.snapshot', vdi, {})) as Refstring
          snapshots.push(text(pool.db.get('VDI', snapshot), 'uuid'))
          await turn()
        }
        return { snapshots, depth: storageManagerOf(pool).images.lineage(uuid).length }
      },
    },
    'POST /nbd': {
      what: 'which network NBD is served on: {purpose: nbd|insecure_nbd|none[, network: name or uuid]} (default: the management network)',
      answer: ({ fields }) => {
        const pool = runningPool(controlled)
        const purpose = fields.oneOf('purpose', ['nbd', 'insecure_nbd', 'none'])
        const name = fields.has('network') ? fields.text('network') : undefined
        fields.done()
        const networks = pool.db.refs('network')
        const found = networks.find((ref) =>
          name === undefined
            ? isManagement(pool, ref)
            : [pool.db.get('network', ref).uuid, pool.db.get('network', ref).name_label].includes(name),
        )
        if (found === undefined) throw new ControlError(404, `there is no network ${name}`)
        setNbdPurpose(pool, purpose, found)
        return { networks: networks.map((ref) => describeNetwork(pool.db.get('network', ref))) }
      },
    },
  }
}

/**
 * Has NBD served on one network, encrypted or not, or on none. An interface there that has no address gets the host's, on which the
 * server listens.
 */
export function setNbdPurpose(pool: LabPool, purpose: 'nbd' | 'insecure_nbd' | 'none', network: Refstring): void {
  const { db } = pool
  for (const ref of db.refs('network')) db.update('network', ref, { purpose: ref === network && purpose !== 'none' ? [purpose] : [] })
  for (const pif of texts(db.get('network', network), 'PIFs')) {
    const row = db.get('PIF', pif)
    if (text(row, 'IP') !== '') continue
    const address = text(db.get('host', text(row, 'host')), 'address')
    db.update('PIF', pif, { ip_configuration_mode: 'Static', IP: address, netmask: '255.0.0.0' })
  }
  db.commit()
}

/** The network that the pool is managed over. */
export function managementNetwork(pool: LabPool): Refstring | undefined {
  return pool.db.refs('network').find((ref) => isManagement(pool, ref))
}

function isManagement(pool: LabPool, network: Refstring): boolean {
  return texts(pool.db.get('network', network), 'PIFs').some((pif) => flag(pool.db.get('PIF', pif), 'management'))
}

const describeNetwork = (row: Row) => ({ uuid: row.uuid, name: row.name_label, purpose: row.purpose })

function describeSr(pool: LabPool, sr: Refstring) {
  const row = pool.db.get('SR', sr)
  const { uuid, name_label: name, type, shared, physical_size: size } = row
  const manager = storageManagerOf(pool)
  const thick = manager.isThick(uuid as string)
  return {
    uuid,
    name,
    type,
    shared,
    thick,
    formats: formatsOf(pool.db, sr),
    size,
    used: manager.used(uuid as string),
    smConfig: map(row, 'sm_config'),
  }
}
