/**
 * What a suspended guest leaves on its suspend image: a signature, what it is the memory of, and pages. A host reads the signature before
 * it gives the VM a domain again (read_save_signature, xen-api ocaml/xenopsd/lib/suspend_image.ml), and the guest goes on only with the
 * pages that it left; here they are few, and their digest says whether they are the right ones.
 */
import { createHash, randomUUID } from 'node:crypto'
import { fillPattern } from '../content/pattern.ts'
import { type LabPool, type Refstring, type Row, XapiFailure } from '../pool.ts'
import { map, type StringMap, text } from './fields.ts'

const SIGNATURE = 'XenSavedDomv2-\n'
const SECTOR = 512
const PAGES_AT = [65_536, 5 << 20, 9 << 20] as const
const PAGES_BYTES = 256 * 1024

/** Writes the memory of a guest, and gives what the toolstack keeps of the domain beside it (`last_booted_record`). */
export function writeMemory(pool: LabPool, image: Refstring): string {
  const disk = pool.storage.disk(image)
  const state = randomUUID()
  const digest = createHash('sha256')
  for (const offset of PAGES_AT) {
    const pages = Buffer.alloc(PAGES_BYTES)
    fillPattern(pages, offset, { kind: 'random', seed: state })
    disk.write(offset, pages)
    digest.update(pages)
  }
  const head = Buffer.alloc(SECTOR)
  head.write(`${SIGNATURE}${JSON.stringify({ state, sha256: digest.digest('hex') })}`)
  disk.write(0, head)
  return JSON.stringify({ vm: { build_info: null, ty: null, last_start_time: 0 }, state })
}

/** INTERNAL_ERROR, as a host tells of an image that is none, or not of that domain. */
export function assertMemory(pool: LabPool, image: Refstring, vm: Row): void {
  const broken = (what: string) => new XapiFailure('INTERNAL_ERROR', [`xenopsd internal error: Failure("${what}")`])
  const disk = pool.storage.disk(image)
  const head = disk.read(0, SECTOR).toString('latin1')
  if (!head.startsWith(SIGNATURE)) throw broken('Invalid_header: unexpected save signature')
  const { state, sha256 } = JSON.parse(head.slice(SIGNATURE.length).replace(/\0.*$/s, '')) as { state: string; sha256: string }
  const digest = createHash('sha256')
  for (const offset of PAGES_AT) digest.update(disk.read(offset, PAGES_BYTES))
  if (digest.digest('hex') !== sha256) throw broken('Restore failed: the pages are not those that were saved')
  if (stateOf(text(vm, 'last_booted_record')) !== state) throw broken('Failed_to_parse_domain_state')
}

function stateOf(record: string): string | undefined {
  try {
    return (JSON.parse(record) as { state?: string }).state
  } catch {
    return undefined
  }
}

/** Vendor and features that a guest sees when it boots on a host. */
export function cpuOf(host: Row): StringMap {
  const info = map(host, 'cpu_info')
  return { vendor: info.vendor ?? '', features: info.features_hvm ?? '' }
}

/** VM_INCOMPATIBLE_WITH_THIS_HOST (assert_vm_is_compatible, xen-api ocaml/xapi/cpuid_helpers.ml). */
export function assertCpuFits(pool: LabPool, vm: Refstring, host: Refstring): void {
  const booted = map(pool.db.get('VM', vm), 'last_boot_CPU_flags')
  const here = cpuOf(pool.db.get('host', host))
  const fail = (what: string) => new XapiFailure('VM_INCOMPATIBLE_WITH_THIS_HOST', [vm, host, what])
  if (booted.vendor !== undefined && booted.vendor !== here.vendor) {
    throw fail('VM last booted on a host which had a CPU from a different vendor.')
  }
  if (!isSubset(booted.features ?? '', here.features ?? '')) {
    throw fail("VM last booted on a CPU with features this host's CPU does not have.")
  }
}

/** Words of 32 bits in hex; those that are missing have no bit. */
function isSubset(features: string, of: string): boolean {
  const words = (text: string) => (text === '' ? [] : text.split('-').map((word) => Number.parseInt(word, 16)))
  const there = words(of)
  return words(features).every((word, nth) => (word & ~(there[nth] ?? 0)) === 0)
}
