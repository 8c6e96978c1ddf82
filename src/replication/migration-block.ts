/** Keeps the source VM from being migrated while its disks are read, and gives that back. */
import { MIGRATION_BLOCKED_PREFIX } from '../core/marks.ts'
import { XapiError } from '../xapi/errors.ts'
import type { RecordOf } from '../xapi/records.generated.ts'
import type { Ref } from '../xapi/ref.ts'
import type { Xapi } from '../xapi/xapi.ts'
import type { RunContext } from './session.ts'

const OPERATIONS = ['pool_migrate', 'migrate_send'] as const

/** Blocks what nobody has blocked yet; what somebody else blocked stays theirs. Returns what to give back. */
export async function blockMigration(
  { source, ids, signal }: RunContext,
  vm: Ref<'VM'>,
  record: RecordOf['VM'],
): Promise<readonly string[]> {
  const free = OPERATIONS.filter((operation) => !(operation in record.blocked_operations) || ours(record, operation))
  const reason = `${MIGRATION_BLOCKED_PREFIX} (run ${ids.run})`
  await Promise.all(
    free.map(async (operation) => {
      if (ours(record, operation)) return
      try {
        await source.call('VM.add_to_blocked_operations', [vm, operation, reason], { signal })
      } catch (error) {
        if (!(error instanceof XapiError) || error.code !== 'MAP_DUPLICATE_KEY') throw error
      }
    }),
  )
  return free
}

const ours = (record: RecordOf['VM'], operation: string) =>
  record.blocked_operations[operation]?.startsWith(MIGRATION_BLOCKED_PREFIX) ?? false

export async function unblockMigration(source: Xapi, vm: Ref<'VM'>, operations: readonly string[]): Promise<void> {
  const signal = AbortSignal.timeout(60_000)
  await Promise.all(operations.map((operation) => source.call('VM.remove_from_blocked_operations', [vm, operation], { signal })))
}
