/**
 * A pool that writes, snapshots and destroys until it is killed: the other half of killed-writer.test.ts. Says on standard output
 * what it is about to do (`begin`) and what is done (`end`), one JSON line each, written before it goes on.
 * Arguments: folder, seed, number of the first operation, and how many steps to live (0: until somebody else kills it). A step is
 * a write to a file or a commit of the database. Every sector that operation n writes is filled with n.
 */
import fs, { writeSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Numbers, seededNumbers } from '../content/seeded-numbers.ts'
import type { Refstring } from '../pool.ts'
import { createDisk, destroyData, destroyDisk, duplicateDisk, trackChanges } from './disk-records.ts'
import { openSmallPool } from './small-pool.ts'

export const DISK_SIZE = 8 * 2 ** 20
const SECTOR = 512

export type Operation =
  | { readonly kind: 'create' }
  | { readonly kind: 'write' | 'zero'; readonly vdi: string; readonly sector: number; readonly sectors: number }
  | { readonly kind: 'snapshot' | 'clone' | 'destroy' | 'data_destroy' | 'track'; readonly vdi: string }

export type Line = { readonly begin: number; readonly operation: Operation } | { readonly end: number; readonly made?: string }

/** The bytes that operation `number` writes. */
export function stamp(number: number, sectors: number): Buffer {
  const data = Buffer.alloc(sectors * SECTOR)
  for (let at = 0; at < data.length; at += 4) data.writeUInt32LE(number, at)
  return data
}

/**
 * Dies by SIGKILL at the step given: before it, after it, or, if it is a write, after some of its pages. The kernel interrupts the
 * write of a process that is killed only between two pages.
 */
function dieAtStep(lifetime: number, random: Numbers): { step(work: () => void): void } {
  let left = lifetime
  const die = () => process.kill(process.pid, 'SIGKILL')
  const write = fs.writeSync as (fd: number, data: Buffer, at: number, length: number, offset: number) => number
  const step = (work: () => void, inPart: () => void = work) => {
    left -= 1
    if (left !== 0) return work()
    const how = random(3)
    if (how === 1) work()
    if (how === 2) inPart()
    die()
  }
  fs.writeSync = ((fd: number, data: Buffer, at: number, length: number, offset: number) => {
    if (fd === 1) return write(fd, data, at, length, offset)
    const pages = Math.floor((offset + length) / 4096) - Math.floor(offset / 4096)
    const part = pages === 0 ? 0 : (Math.floor(offset / 4096) + random(pages + 1)) * 4096 - offset
    step(
      () => write(fd, data, at, length, offset),
      () => part > 0 && write(fd, data, at, part, offset),
    )
    return length
  }) as typeof fs.writeSync
  syncBuiltinESMExports()
  return { step }
}

async function main(folder: string, seed: string, first: number, lifetime: number): Promise<void> {
  const random = seededNumbers(seed)
  const pool = openSmallPool({ folder, collector: { delayMs: 0, pauseMs: 0, blocksAtOnce: 1 } })
  const { db, storage } = pool
  if (lifetime > 0) {
    const { step } = dieAtStep(lifetime, seededNumbers(`${seed}/death`))
    const commit = db.commit.bind(db)
    db.commit = () => step(commit)
  }
  const say = (line: Line) => writeSync(1, `${JSON.stringify(line)}\n`)
  const ref = (uuid: string) => db.byUuid('VDI', uuid) as Refstring
  const uuidOf = (vdi: Refstring) => db.get('VDI', vdi).uuid as string
  const choose = (): Operation => {
    const rows = db.refs('VDI').map((vdi) => db.get('VDI', vdi))
    const disks = rows.filter((row) => row.managed === true && row.type !== 'cbt_metadata')
    const row = disks[random(disks.length)]
    if (!row || (disks.length < 3 && random(3) === 0)) return { kind: 'create' }
    const vdi = row.uuid as string
    const kind = random(100)
    if (kind < 10 && disks.length < 12) return { kind: 'snapshot', vdi }
    if (kind < 13 && disks.length < 12) return { kind: 'clone', vdi }
    if (kind < 19 && disks.length > 3) return { kind: 'destroy', vdi }
    if (kind < 22 && row.is_a_snapshot === true && row.cbt_enabled === true) return { kind: 'data_destroy', vdi }
    if (kind < 45 && row.is_a_snapshot !== true && row.cbt_enabled !== true) return { kind: 'track', vdi }
    // A snapshot that is written no longer shows what its change log was closed for.
    if (row.is_a_snapshot === true) return choose()
    const sector = random(DISK_SIZE / SECTOR)
    const sectors = 1 + random(Math.min([8, 256, 6000][random(3)] as number, DISK_SIZE / SECTOR - sector))
    return { kind: random(8) === 0 ? 'zero' : 'write', vdi, sector, sectors }
  }
  const run = (number: number, operation: Operation): string | undefined => {
    switch (operation.kind) {
      case 'create': {
        const fields = { name_label: 'd', type: 'user', virtual_size: DISK_SIZE, sharable: false, read_only: false, other_config: {} }
        return uuidOf(createDisk(storage, { ...fields, SR: pool.sr }))
      }
      case 'write':
        storage.disk(ref(operation.vdi)).write(operation.sector * SECTOR, stamp(number, operation.sectors))
        return undefined
      case 'zero':
        storage.disk(ref(operation.vdi)).zero(operation.sector * SECTOR, operation.sectors * SECTOR)
        return undefined
      case 'snapshot':
      case 'clone':
        return uuidOf(duplicateDisk(storage, ref(operation.vdi), operation.kind))
      case 'destroy':
        destroyDisk(storage, ref(operation.vdi))
        return undefined
      case 'data_destroy':
        storage.noteDestroying(operation.vdi, 'user')
        db.update('VDI', ref(operation.vdi), { type: 'cbt_metadata' })
        destroyData(storage, ref(operation.vdi))
        return undefined
      case 'track':
        trackChanges(storage, ref(operation.vdi), true)
        return undefined
    }
  }
  for (let number = first; ; number += 1) {
    const operation = choose()
    say({ begin: number, operation })
    const made = run(number, operation)
    say(made === undefined ? { end: number } : { end: number, made })
    await nextTurn()
  }
}

const [, program, folder, seed, first, lifetime] = process.argv
if (program === import.meta.filename) await main(folder as string, seed as string, Number(first), Number(lifetime))
