import { setGuest, setStrangers } from '../classes/guest-tools.ts'
import type { Pattern } from '../content/pattern.ts'
import { type DiskName, findGuestDisk } from '../guests/guest-disk.ts'
import { maxScattered, type Written, writeExtents, writeScattered } from '../guests/guest-write.ts'
import type { ControlRoutes } from './control-server.ts'
import { type ControlledPool, runningPool } from './controlled-pool.ts'
import { ControlError, type Fields } from './request-fields.ts'

const granuleLimits = { least: 512, most: 16 * 2 ** 20, multiple: 512 }
/** Above this an answer says how many extents were written instead of listing them. */
const listedExtents = 16_384

/** Writing as the guest of a running VM. */
export function guestRoutes(controlled: ControlledPool): ControlRoutes {
  return {
    'POST /guest/write': {
      what: "write a pattern to ranges of a running VM's disk: {vdi | vm[, userdevice], extents: [{offset, length}], pattern: {kind: random|text|zero|byte[, seed][, value]}}",
      answer: async ({ fields, signal }) => {
        const pool = runningPool(controlled)
        const disk = findGuestDisk(pool, diskName(fields))
        const extents = fields.objects('extents', 65_536).map((extent) => extent.extent())
        const pattern = patternOf(fields.object('pattern'))
        fields.done()
        return told(await writeExtents(pool, disk, extents, pattern, signal))
      },
    },
    'POST /guest/random': {
      what: 'scattered writes: {vdi | vm[, userdevice], count | bytes[, granule: 65536][, region: {offset, length}][, seed]}; no place twice',
      answer: async ({ fields, signal }) => {
        const pool = runningPool(controlled)
        const disk = findGuestDisk(pool, diskName(fields))
        const granule = fields.integer('granule', granuleLimits, 65_536)
        const region = fields.has('region') ? fields.object('region').extent() : { offset: 0, length: sizeOf(pool, disk.vdi) }
        if (fields.has('count') === fields.has('bytes')) throw new ControlError(400, 'either count or bytes is needed')
        const count = fields.has('count')
          ? fields.integer('count', { least: 0, most: maxScattered })
          : Math.ceil(fields.integer('bytes', { least: 0, most: maxScattered * granule }) / granule)
        const seed = fields.seed()
        fields.done()
        return told(await writeScattered(pool, disk, { granule, count, region, seed }, signal))
      },
    },
    'POST /guest/rate': {
      what: 'a writer in the background: {vdi | vm[, userdevice], bytesPerSecond[, granule: 65536][, region][, seed]} starts one, {stop: id} stops it',
      answer: ({ fields }) => {
        if (fields.has('stop')) {
          const id = fields.text('stop')
          fields.done()
          const last = controlled.writers.stop(id)
          if (!last) throw new ControlError(404, `there is no writer ${id}`)
          return last
        }
        const wish = {
          disk: diskName(fields),
          bytesPerSecond: fields.integer('bytesPerSecond', { least: 1, most: 2 ** 40 }),
          granule: fields.integer('granule', granuleLimits, 65_536),
          region: fields.has('region') ? fields.object('region').extent() : undefined,
          seed: fields.seed(),
        }
        fields.done()
        return controlled.writers.start(wish)
      },
    },
    'POST /guest/tools': {
      what: 'whether a VM has guest tools from its next start on: {[tools: true][, address][, vm]}; without vm: every VM made through the API and its copies',
      answer: ({ fields }) => {
        const pool = runningPool(controlled)
        const vm = fields.has('vm') ? fields.text('vm') : undefined
        const guest = { tools: fields.flag('tools', true), ...(fields.has('address') ? { address: fields.text('address') } : {}) }
        fields.done()
        if (vm === undefined) setStrangers(pool, guest)
        else {
          const ref = pool.db.byUuid('VM', vm)
          if (ref === undefined) throw new ControlError(404, `there is no VM ${vm}`)
          setGuest(pool, ref, guest)
        }
        return guest
      },
    },
    'GET /guest/writers': { what: 'the writers in the background', answer: () => ({ writers: controlled.writers.list() }) },
  }
}

function sizeOf(pool: ReturnType<typeof runningPool>, vdi: string): number {
  return pool.db.get('VDI', vdi).virtual_size as number
}

function told({ bytes, extents }: Written): object {
  return { bytes, count: extents.length, ...(extents.length <= listedExtents ? { extents } : {}) }
}

function diskName(fields: Fields): DiskName {
  if (fields.has('vdi') === fields.has('vm')) throw new ControlError(400, 'either vdi or vm (and userdevice) is needed')
  if (fields.has('vdi')) return { vdi: fields.text('vdi') }
  return fields.has('userdevice') ? { vm: fields.text('vm'), userdevice: fields.text('userdevice') } : { vm: fields.text('vm') }
}

function patternOf(fields: Fields): Pattern {
  const kind = fields.oneOf('kind', ['random', 'text', 'zero', 'byte'])
  const pattern: Pattern =
    kind === 'byte'
      ? { kind, value: fields.integer('value', { least: 0, most: 255 }) }
      : kind === 'zero'
        ? { kind }
        : { kind, seed: fields.seed() }
  fields.done()
  return pattern
}
