/** What is written on a VM that takes over: its mark, and that it may start. */
import type { FailoverMark } from '../../core/failover/marks.ts'
import { Failure } from '../../core/failure.ts'
import { MARK, RUNNING_OPERATIONS, START_BLOCKED } from '../../core/marks.ts'
import type { Ref } from '../../xapi/ref.ts'
import type { FailoverOptions } from './options.ts'

export async function setMark({ target, signal }: FailoverOptions, vm: Ref<'VM'>, mark: FailoverMark): Promise<void> {
  const config = await target.call<Record<string, string>>('VM.get_other_config', [vm], { signal })
  await target.call('VM.set_other_config', [vm, { ...config, [MARK.failover]: JSON.stringify(mark) }], { signal })
}

/** What was blocked by us, and by the original's replication, for a replica; what somebody else blocked stays. */
export async function unblock({ target, signal }: FailoverOptions, vm: Ref<'VM'>): Promise<void> {
  const blocked = await target.call<Record<string, string>>('VM.get_blocked_operations', [vm], { signal })
  for (const operation of RUNNING_OPERATIONS) {
    const why = blocked[operation]
    if (why === undefined) continue
    if (why !== START_BLOCKED && !ORIGINALS.test(why)) {
      // It is halted: nobody needs to resume it.
      if (operation.startsWith('resume')) continue
      throw new Failure(
        'START_BLOCKED',
        `its start is blocked by somebody else: "${why}"`,
        'take that away when it may start (xe vm-param-remove)',
      )
    }
    await target.call('VM.remove_from_blocked_operations', [vm, operation], { signal })
  }
}

/** The original's words (behaviour of its writers), and what our own manual tells users to write. */
const ORIGINALS = /^(Start operation for this vm is blocked|replica$)/
