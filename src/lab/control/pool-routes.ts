import type { PoolSettings } from '../pool.ts'
import type { ControlRoutes } from './control-server.ts'
import { type ControlledPool, runningPool } from './controlled-pool.ts'
import { hashDisk, hashHeldData } from './hash-disk.ts'
import { ControlError } from './request-fields.ts'

const SETTINGS = [
  'nbdDetachMs',
  'attachMs',
  'badLoginMs',
  'collectorDelayMs',
  'coalesceMs',
  'hostBootMs',
  'hostDeadMs',
  'migrateMs',
] as const satisfies readonly (keyof PoolSettings)[]

/** The pool itself: its clock, its settings, stopping and starting, and what its disks hold. */
export function poolRoutes(controlled: ControlledPool): ControlRoutes {
  return {
    'POST /disk/hash': {
      what: "SHA-256 of a disk's bytes as stored: {vdi[, extents: [{offset, length}]] } or {vdi, skipZeroes: true}, which costs only what the disk holds",
      answer: async ({ fields, signal }) => {
        const pool = runningPool(controlled)
        const uuid = fields.text('vdi')
        const extents = fields.has('extents') ? fields.objects('extents', 65_536).map((extent) => extent.extent()) : undefined
        const skipZeroes = fields.flag('skipZeroes', false)
        fields.done()
        if (skipZeroes && extents) throw new ControlError(400, 'skipZeroes is for whole disks')
        const vdi = pool.db.byUuid('VDI', uuid)
        if (vdi === undefined) throw new ControlError(404, `there is no VDI ${uuid}`)
        const disk = pool.storage.disk(vdi)
        for (const { offset, length } of extents ?? []) {
          if (offset + length > disk.size)
            throw new ControlError(400, `offset ${offset} + length ${length} is outside of the disk of ${disk.size} bytes`)
        }
        return { vdi: uuid, size: disk.size, ...(await (skipZeroes ? hashHeldData(disk, signal) : hashDisk(disk, extents, signal))) }
      },
    },
    'GET /clock': { what: "the pool's clock", answer: () => ({ now: runningPool(controlled).now().toISOString() }) },
    'POST /clock': {
      what: "move the pool's clock: {offset: milliseconds ahead of this machine's} or {set: an ISO 8601 date}; it goes on from there",
      answer: ({ fields }) => {
        const pool = runningPool(controlled)
        if (fields.has('offset') === fields.has('set')) throw new ControlError(400, 'either offset or set is needed')
        const century = 100 * 366 * 86_400_000
        const offset = fields.has('offset')
          ? fields.integer('offset', { least: -century, most: century })
          : Date.parse(fields.text('set')) - Date.now()
        fields.done()
        if (Number.isNaN(offset)) throw new ControlError(400, 'set needs to be an ISO 8601 date')
        controlled.setClockOffset(offset)
        return { now: pool.now().toISOString() }
      },
    },
    'GET /settings': { what: 'how slow the pool is where a real one is', answer: () => runningPool(controlled).settings },
    'POST /settings': {
      what: 'change settings: any of {nbdDetachMs, attachMs, badLoginMs, collectorDelayMs, coalesceMs, hostBootMs, hostDeadMs, migrateMs}, in milliseconds',
      answer: ({ fields }) => {
        const { settings } = runningPool(controlled)
        const given = SETTINGS.filter((name) => fields.has(name))
        const values = given.map((name) => [name, fields.integer(name, { least: 0, most: 3_600_000 })] as const)
        fields.done()
        for (const [name, value] of values) settings[name] = value
        return settings
      },
    },
    'POST /pool/stop': {
      what: 'stop the toolstack: connections are cut, guests run on',
      answer: async () => {
        await controlled.stop()
        return { running: false }
      },
    },
    'POST /pool/start': {
      what: 'start it again, on the same ports',
      answer: async () => {
        await controlled.start()
        return { running: true }
      },
    },
    'POST /pool/restart': {
      what: 'stop and start',
      answer: async () => {
        await controlled.stop()
        await controlled.start()
        return { running: true }
      },
    },
  }
}
