/** Keeps the source VM from being migrated while its disks are read, and gives that back. */
import { MIGRATION_BLOCKED_PREFIX } from '../core/marks.ts'
import { XapiError } from '../xapi/errors.ts'
import type { RecordOf } from '../xapi/records.generated.ts'
import type { Ref } from '../xapi/ref.ts'
import type { Xapi } from '../xapi/xapi.ts'
import type { RunContext } from './session.ts'

const OPERATIONS = ['pool_migrate', 'migrate_send'] as const

/**
 * Blocks what nobody has blocked yet; what somebody else blocked, also in this moment, stays theirs. Returns what to give back: what a
 * killed run of ours left as well. On failure everything is given back here.
 */
export async function blockMigration(
  { source, ids, signal }: RunContext,
  vm: Ref<'VM'>,
  record: RecordOf['VM'],
): Promise<readonly string[]> {
  const left = OPERATIONS.filter((operation) => record.blocked_operations[operation]?.startsWith(MIGRATION_BLOCKED_PREFIX))
  const free = OPERATIONS.filter((operation) => !(operation in record.blocked_operations))
  const reason = `${MIGRATION_BLOCKED_PREFIX} (run ${ids.run})`
  const results = await Promise.allSettled(
    free.map(async (operation) => {
      try {
        await source.call('VM.add_to_blocked_operations', [vm, operation, reason], { signal })
        return [operation]
      } catch (error) {
        if (error instanceof XapiError && error.code === 'MAP_DUPLICATE_KEY') return []
        throw error
      }
    }),
  )
  const failed = results.find((result) => result.status === 'rejected')
  if (failed === undefined) return [...left, ...results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []))]
  await giveBack(source, vm, reason).catch(() => undefined)
  throw failed.reason
}

/** Removes what has exactly this reason: a call whose answer was lost may have been carried out. */
async function giveBack(source: Xapi, vm: Ref<'VM'>, reason: string): Promise<void> {
  const blocked = await source.call<Record<string, string>>('VM.get_blocked_operations', [vm], { signal: AbortSignal.timeout(60_000) })
  await unblockMigration(
    source,
    vm,
    Object.keys(blocked).filter((operation) => blocked[operation] === reason),
  )
}

export async function unblockMigration(source: Xapi, vm: Ref<'VM'>, operations: readonly string[]): Promise<void> {
  const signal = AbortSignal.timeout(60_000)
  await Promise.all(operations.map((operation) => source.call('VM.remove_from_blocked_operations', [vm, operation], { signal })))
}
