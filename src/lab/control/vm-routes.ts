import { stat } from 'node:fs/promises'
import { basename, isAbsolute } from 'node:path'
import type { DiskContent } from '../content/disk-content.ts'
import { makeVm, type NewDisk } from '../content/make-vm.ts'
import { type DiskImage, ImageError } from '../image/image.ts'
import { openImage } from '../image/open-image.ts'
import type { LabPool, Refstring } from '../pool.ts'
import type { ControlRoutes } from './control-server.ts'
import { type ControlledPool, runningPool } from './controlled-pool.ts'
import { describeVms } from './describe-vms.ts'
import { ControlError, type Fields } from './request-fields.ts'

const MiB = 2 ** 20
/** What an SR of the lab takes for one disk at most (16 TiB of a qcow2 image); one of VHDs refuses more than 2040 GiB itself. */
const largestDisk = 16 * 2 ** 40

/** VMs of the pool: what there is, new ones, and ones made of disk images. */
export function vmRoutes(controlled: ControlledPool): ControlRoutes {
  const described = async (pool: LabPool, vm: Refstring) => {
    await controlled.guestsReady()
    const { uuid } = pool.db.get('VM', vm)
    return { vm: describeVms(pool, controlled.guestUri).find((one) => one.uuid === uuid) }
  }
  return {
    'GET /vms': {
      what: 'the VMs and their disks',
      answer: async () => {
        await controlled.guestsReady()
        return { vms: describeVms(runningPool(controlled), controlled.guestUri) }
      },
    },
    'POST /vms': {
      what:
        'a new VM: {name, disks: [{size[, content: ext4|pattern|empty][, fill][, seed][, name][, sr]}][, sr][, start][, tools][, tags][, memory][, vcpus]' +
        '[, cd][, networks: [name or uuid]][, other_config]}; sizes in bytes',
      answer: async ({ fields }) => {
        const pool = runningPool(controlled)
        const common = commonFields(pool, fields)
        const disks = fields.objects('disks', 64).map((disk, index) => newDisk(pool, disk, common, index))
        fields.done()
        return described(pool, await makeVm(pool, controlled.filler, { ...common, disks }))
      },
    },
    'POST /import': {
      what:
        'a new VM of disk images on this machine: {name, sr, files: [absolute path][, start][, tools][, tags][, memory][, vcpus][, cd][, networks][, other_config]}; ' +
        'raw, VHD and qcow2 are told apart by content',
      answer: async ({ fields, report, signal }) => {
        const pool = runningPool(controlled)
        const files = fields.texts('files', 64)
        const common = commonFields(pool, fields)
        fields.done()
        if (files.length === 0) throw new ControlError(400, 'files is empty')
        const images: DiskImage[] = []
        report({ progress: 0 })
        try {
          for (const file of files) images.push(await openNamed(file))
          const disks = images.map((image, index) => ({ ...diskOf(common, index), size: image.size, content: image }))
          let last = 0
          const progress = (fraction: number) => {
            if (fraction - last < 0.01) return
            last = fraction
            report({ progress: fraction })
          }
          const formats = images.map(({ format }) => format)
          const vm = await makeVm(pool, controlled.filler, { ...common, disks }, { progress, signal })
          return { ...(await described(pool, vm)), formats }
        } finally {
          for (const image of images) await image.close()
        }
      },
    },
  }
}

async function openNamed(path: string): Promise<DiskImage> {
  if (!isAbsolute(path)) throw new ControlError(400, `${path} is not an absolute path`)
  try {
    await stat(path)
    const image = await openImage(path)
    if (image.size > largestDisk) {
      await image.close()
      throw new ImageError(`its disk of ${image.size} bytes is larger than an SR takes (16 TiB)`)
    }
    return image
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new ControlError(400, `${basename(path)}: ${code === 'ENOENT' ? 'there is no such file' : message}`)
  }
}

function commonFields(pool: LabPool, fields: Fields) {
  return {
    name: fields.text('name'),
    description: fields.text('description', ''),
    sr: storageRepository(pool, fields),
    start: fields.flag('start', false),
    tools: fields.flag('tools', false),
    tags: fields.has('tags') ? fields.texts('tags', 100) : [],
    memory: fields.integer('memory', { least: 16 * MiB, most: 2 ** 44, multiple: MiB }, 128 * MiB),
    vcpus: fields.integer('vcpus', { least: 1, most: 64 }, 1),
    cd: fields.flag('cd', true),
    networks: fields.has('networks')
      ? fields.texts('networks', 7).map((name) => networkNamed(pool, name))
      : pool.db.refs('network').slice(0, 1),
    otherConfig: fields.has('other_config') ? fields.object('other_config').strings() : {},
  }
}

type Common = ReturnType<typeof commonFields>

function diskOf(common: Common, index: number): { name: string; sr: Refstring } {
  return { name: `${common.name} disk ${index}`, sr: common.sr }
}

function newDisk(pool: LabPool, fields: Fields, common: Common, index: number): NewDisk {
  const size = fields.integer('size', { least: 1, most: largestDisk })
  const kind = fields.oneOf('content', ['ext4', 'pattern', 'empty'], 'ext4')
  const content: DiskContent = {
    kind,
    fill: kind === 'empty' ? 0 : fields.integer('fill', { least: 0, most: size }, Math.min(8 * MiB, Math.floor(size / 8))),
    seed: fields.seed(),
  }
  const disk = { name: fields.text('name', diskOf(common, index).name), sr: storageRepository(pool, fields, common.sr), size, content }
  fields.done()
  return disk
}

/** The SR named by `sr` (uuid); default: the one given, or the pool's default SR. */
function storageRepository(pool: LabPool, fields: Fields, fallback?: Refstring): Refstring {
  if (!fields.has('sr')) return fallback ?? (pool.db.get('pool', pool.refs.pool).default_SR as Refstring)
  const uuid = fields.text('sr')
  const sr = pool.db.byUuid('SR', uuid)
  if (sr === undefined) throw new ControlError(404, `there is no SR ${uuid}`)
  return sr
}

function networkNamed(pool: LabPool, name: string): Refstring {
  const found = pool.db.byUuid('network', name) ?? pool.db.refs('network').find((ref) => pool.db.get('network', ref).name_label === name)
  if (found === undefined) throw new ControlError(404, `there is no network ${name}`)
  return found
}
