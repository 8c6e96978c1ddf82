/** An opaque reference to an object of class C, as XAPI gives it (`OpaqueRef:` and a uuid). */
export type Ref<C extends string> = string & { readonly __ref: C }

/** The uuid of an object: not to be mixed with its reference. */
export type Uuid = string & { readonly __uuid: true }

/** XAPI's reference to nothing. */
export const NULL_REF = 'OpaqueRef:NULL' as Ref<never>

/** Whether a reference points at nothing: XAPI also knows `""` and, in old records, `Ref:0`-like ones. */
export function isNull(ref: string): boolean {
  return ref === NULL_REF || ref === ''
}
