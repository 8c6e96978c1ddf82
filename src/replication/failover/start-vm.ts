/** Starts a VM, and tells in words what stands in the way. */
import { Failure } from '../../core/failure.ts'
import { XapiError } from '../../xapi/errors.ts'
import type { Ref } from '../../xapi/ref.ts'
import type { FailoverOptions } from './options.ts'

const WHY: Readonly<Record<string, readonly [text: string, hint: string]>> = {
  HOST_NOT_ENOUGH_FREE_MEMORY: ['no host has the memory for it', 'shut down or migrate what can wait, or give the VM less memory'],
  NO_HOSTS_AVAILABLE: [
    'no host can run it: none is enabled, sees its storage and its networks',
    'see xe vm-assert-can-be-agile and the hosts’ state',
  ],
  VM_REQUIRES_SR: ['its storage is not connected to that host', 'plug it: xe pbd-plug'],
  VM_REQUIRES_NETWORK: ['one of its networks is not on that host', 'map the network to one that is'],
  OPERATION_BLOCKED: ['its start is blocked', 'somebody blocked it in this moment: see its blocked operations'],
}

/** Failure VM_NOT_STARTED. One that runs already is fine: an answer may have been lost. */
export async function startVm({ target, signal }: Pick<FailoverOptions, 'target' | 'signal'>, vm: Ref<'VM'>): Promise<void> {
  try {
    await target.callAsync('VM.start', [vm, false, false], { signal })
  } catch (error) {
    signal.throwIfAborted()
    const state = await target.call<string>('VM.get_power_state', [vm], { signal })
    if (state === 'Running') return
    if (!(error instanceof XapiError)) throw error
    const [text, hint] = WHY[error.code] ?? [error.message, 'see the code in docs/errors.md, and the pool’s log']
    throw new Failure('VM_NOT_STARTED', `the VM could not be started (${error.code}): ${text}`, hint, error)
  }
}
