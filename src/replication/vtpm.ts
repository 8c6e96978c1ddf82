/**
 * The content of a virtual TPM: keys that a guest sealed its disks with. It travels with the VM's configuration, is never logged and never
 * written anywhere but into the replica's own VTPM. Messages: ocaml/xapi/xapi_vtpm.ml of xapi-project/xen-api; contents are base64.
 */
import type { Reason } from '../core/base.ts'
import { XapiError } from '../xapi/errors.ts'
import type { RecordOf } from '../xapi/records.generated.ts'
import type { Ref } from '../xapi/ref.ts'
import type { RunContext } from './session.ts'

/**
 * Makes the replica's VTPM what the source snapshot's is: none, or one with the same content. Where the target can't have one, the
 * reason comes back as a warning: the replica is worth having all the same. The replica is halted.
 */
export async function carryVtpm(
  { source, target, signal }: RunContext,
  snapshot: RecordOf['VM'],
  replica: { readonly ref: Ref<'VM'>; readonly vtpms: readonly Ref<'VTPM'>[] },
): Promise<Reason | undefined> {
  const [from] = snapshot.VTPMs
  if (from === undefined) {
    for (const vtpm of replica.vtpms) await target.call('VTPM.destroy', [vtpm], { signal })
    return undefined
  }
  try {
    const wanted = await source.call<string>('VTPM.get_contents', [from], { signal })
    const has = replica.vtpms[0] ?? (await target.call<Ref<'VTPM'>>('VTPM.create', [replica.ref, false], { signal }))
    if ((await target.call<string>('VTPM.get_contents', [has], { signal })) === wanted) return undefined
    await target.call('VTPM.set_contents', [has, wanted], { signal })
    return undefined
  } catch (error) {
    if (!(error instanceof XapiError)) throw error
    return {
      code: 'vtpm-not-copied',
      text: `the content of the virtual TPM could not be carried over (${error.code}): a guest that seals keys in it will ask for its recovery key`,
    }
  }
}
