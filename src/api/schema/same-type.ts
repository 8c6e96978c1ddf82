/** Whether two types are the same, apart from `readonly`: schemas are compared with the domain's types by the compiler. */

export type DeepReadonly<T> = T extends (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T

type Flat<T> = T extends readonly (infer Item)[] ? readonly Flat<Item>[] : T extends object ? { readonly [K in keyof T]: Flat<T[K]> } : T

type Identical<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** `true` when both have the same fields of the same types, optional ones being optional in both. */
export type Same<A, B> = Identical<Flat<A>, Flat<B>> extends true ? true : { readonly schema: Flat<A>; readonly domain: Flat<B> }

/** Compiles only when all are `true`. */
export type Agreed<_All extends readonly true[]> = true
