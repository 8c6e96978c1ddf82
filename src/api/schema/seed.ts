/** First copies made outside the network path, as src/core/control/seed-record.ts has them. */
import Type from 'typebox'
import { namedVm } from './activity.ts'
import { closed, line, nullable, reason, timestamp, uuid } from './forms.ts'
import { target } from './job.ts'

const text = Type.String()
const optional = Type.Optional
export const folderName = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$',
  description: 'letters, digits, dots, dashes and underscores, of which the first is a letter or digit',
})

export const seedSnapshot = closed(
  {
    uuid: text,
    name: text,
    takenAt: timestamp,
    disks: Type.Array(closed({ userdevice: text, name: text, size: Type.Number(), tracked: Type.Boolean() })),
    usable: Type.Boolean(),
    reason: nullable(text),
  },
  { title: 'SeedSnapshot' },
)
export const seedFolder = closed(
  {
    name: text,
    state: Type.Enum(['complete', 'exporting', 'incomplete', 'damaged']),
    problem: nullable(text),
    vm: nullable(namedVm),
    snapshot: nullable(closed({ uuid: text, name: text, takenAt: timestamp })),
    createdAt: nullable(timestamp),
    bytesStored: Type.Number(),
  },
  { title: 'SeedFolder' },
)
export const takeSnapshot = closed({ pool: line(), vm: uuid }, { title: 'TakeSeedSnapshot' })
export const seedExport = closed(
  { pool: line(), vm: optional(uuid), snapshot: optional(uuid), folder: folderName },
  { title: 'ExportSeed', description: 'of a VM, of which a snapshot is taken, or of a snapshot: one of both' },
)
export const seedImport = closed(
  {
    folder: folderName,
    job: uuid,
    schedule: optional(uuid),
    target,
    verify: optional(Type.Enum(['changed', 'sample', 'off'])),
  },
  { title: 'ImportSeed' },
)
export const seedLink = closed(
  {
    pool: line(),
    snapshot: uuid,
    job: uuid,
    schedule: optional(uuid),
    targetPool: line(),
    copy: uuid,
    check: optional(Type.Enum(['sample', 'full', 'off'])),
  },
  { title: 'LinkSeed' },
)
export const seedCheck = closed(
  {
    kind: Type.Enum(['link', 'linked', 'refused']),
    code: nullable(text),
    text,
    hint: text,
    disks: Type.Array(closed({ userdevice: text, name: text, size: Type.Number() })),
    warnings: Type.Array(reason),
  },
  { title: 'SeedCheck' },
)
export const seedState = closed(
  {
    state: Type.Enum(['none', 'fresh', 'used', 'old', 'started', 'altered', 'base-gone']),
    text,
    hint: text,
    takenAt: nullable(timestamp),
    snapshot: nullable(text),
    replica: nullable(text),
  },
  { title: 'SeedState' },
)
