/**
 * `ova.xml`, the first member of an archive: who wrote it, and the objects as records whose references are names of the archive's own
 * (`Ref:0`, `Ref:1`…). Form: xen-api ocaml/xapi/importexport.ml.
 */
import { classes } from '../../xapi/model.ts'
import { emptyValue } from '../database/empty-value.ts'
import type { LabPool, Row, Value } from '../pool.ts'
import { XapiFailure } from '../pool.ts'
import { convert } from '../rpc/convert.ts'
import { Malformed } from '../rpc/malformed.ts'
import { parseXml, XmlError } from '../rpc/xml-reader.ts'
import { decode } from '../rpc/xml-rpc.ts'
import { escapeXml, xmlValue } from '../rpc/xml-value.ts'

export const OVA_XML = 'ova.xml'

/** Version of the form: 2 has a checksum beside every piece of a disk and no table of them at the end. */
export const EXPORT_VERSION = 2

export interface ArchiveObject {
  readonly className: string
  /** `Ref:n` */
  readonly id: string
  /** All fields of the class. Of a VTPM: what `VTPM_SHAPE` says. */
  readonly record: Row
}

export interface ArchiveVersion {
  readonly major: number
  readonly minor: number
  readonly exportVersion: number
}

/** A VTPM is written with its content, which the API's record has no field for, and with fields named so (vtpm' in importexport.ml). */
const VTPM_SHAPE: Readonly<Record<string, readonly [name: string, type: string]>> = {
  "vTPM'_VM": ['VM', 'VM ref'],
  "vTPM'_uuid": ['uuid', 'string'],
  "vTPM'_is_unique": ['is_unique', 'bool'],
  "vTPM'_is_protected": ['is_protected', 'bool'],
  "vTPM'_content": ['content', 'string'],
}

/** What a field means that an older archive lacks, where that is not the empty value (xen-api ocaml/idl/datamodel_vm.ml and others). */
const ABSENT: Readonly<Record<string, Value>> = {
  'VM.domain_type': 'unspecified',
  'VM.actions_after_softreboot': 'soft_reboot',
  'VM.HVM_shadow_multiplier': 1,
  'VM.generation_id': '',
  'VIF.locking_mode': 'network_default',
  'network.MTU': 1500,
  'network.managed': true,
}

/** An archive that can't be understood. */
export class ArchiveFault extends Error {
  override readonly name = 'ArchiveFault'
}

/** The version that this pool's software calls itself (Xapi_version: 26.1 is major 26, minor 1). */
export function softwareVersion(pool: LabPool): { major: number; minor: number } {
  const software = pool.db.get('host', pool.refs.host).software_version as Row
  const [major, minor] = String(software.xapi).split('.').map(Number)
  return { major: major ?? 0, minor: minor ?? 0 }
}

export function encodeOvaXml(pool: LabPool, objects: readonly ArchiveObject[]): Buffer {
  const software = pool.db.get('host', pool.refs.host).software_version as Readonly<Record<string, string>>
  const { major, minor } = softwareVersion(pool)
  const version = struct({
    hostname: escapeXml(software.hostname ?? ''),
    date: escapeXml(software.date ?? ''),
    product_version: escapeXml(software.product_version ?? ''),
    product_brand: escapeXml(software.product_brand ?? ''),
    build_number: escapeXml(software.build_number ?? ''),
    xapi_major: String(major),
    xapi_minor: String(minor),
    export_vsn: String(EXPORT_VERSION),
  })
  const all = objects.map(
    ({ className, id, record }) => `<value>${struct({ class: className, id, snapshot: encodeRecord(className, record) })}</value>`,
  )
  return Buffer.from(`<value>${struct({ version, objects: `<array><data>${all.join('')}</data></array>` })}</value>`)
}

function encodeRecord(className: string, record: Row): string {
  if (className !== 'VTPM') return xmlValue(record, `${className} record`)
  return struct(Object.fromEntries(Object.entries(VTPM_SHAPE).map(([key, [name, type]]) => [key, xmlValue(record[name] as Value, type)])))
}

const struct = (members: Readonly<Record<string, string>>) =>
  `<struct>${Object.entries(members)
    .map(([name, value]) => `<member><name>${escapeXml(name)}</name><value>${value}</value></member>`)
    .join('')}</struct>`

/** Throws ArchiveFault. Classes that this data model lacks are left out, as are fields; fields that are not there are empty. */
export function decodeOvaXml(text: string): { version: ArchiveVersion; objects: ArchiveObject[] } {
  let root: unknown
  try {
    root = decode(parseXml(text))
  } catch (error) {
    if (error instanceof XmlError || error instanceof Malformed) throw new ArchiveFault(error.message)
    throw error
  }
  const { version, objects } = asStruct(root, 'the header')
  const about = asStruct(version, 'the version')
  const number = (name: string) => {
    const value = Number(about[name])
    if (!Number.isInteger(value)) throw new ArchiveFault(`the version has no ${name}`)
    return value
  }
  if (!Array.isArray(objects)) throw new ArchiveFault('the header has no objects')
  return {
    version: {
      major: number('xapi_major'),
      minor: number('xapi_minor'),
      exportVersion: about.export_vsn === undefined ? 0 : number('export_vsn'),
    },
    objects: objects.map((one) => decodeObject(asStruct(one, 'an object'))).filter((one) => one !== undefined),
  }
}

function decodeObject(given: Record<string, unknown>): ArchiveObject | undefined {
  const { class: className, id } = given
  if (typeof className !== 'string' || typeof id !== 'string') throw new ArchiveFault('an object has no class and id')
  const snapshot = asStruct(given.snapshot, `the record of ${id}`)
  const shape = shapeOf(className)
  if (!shape) return undefined
  const record: Record<string, Value> = {}
  for (const [key, [name, type]] of shape) {
    try {
      record[name] = Object.hasOwn(snapshot, key) ? convert(type, snapshot[key]) : (ABSENT[`${className}.${name}`] ?? emptyValue(type))
    } catch (error) {
      if (error instanceof XapiFailure) throw new ArchiveFault(`${className}.${name} of ${id}: ${error.params.join(' ')}`)
      throw error
    }
  }
  return { className, id, record }
}

function shapeOf(className: string): [key: string, field: readonly [name: string, type: string]][] | undefined {
  if (className === 'VTPM') return Object.entries(VTPM_SHAPE)
  if (!Object.hasOwn(classes, className)) return undefined
  return Object.entries(classes[className]?.fields ?? {}).map(([name, [type]]) => [name, [name, type]])
}

function asStruct(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new ArchiveFault(`${what} is no struct`)
  return value as Record<string, unknown>
}
