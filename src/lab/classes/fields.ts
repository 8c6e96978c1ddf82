/** Typed views of a row's fields, for message implementations. A field of another shape reads as the type's empty value. */
import type { Refstring, Row, Value } from '../pool.ts'

export const NULL_REF = 'OpaqueRef:NULL'

export type StringMap = Readonly<Record<string, string>>

export function text(row: Row, name: string): string {
  const value = row[name]
  return typeof value === 'string' ? value : ''
}

export function flag(row: Row, name: string): boolean {
  return row[name] === true
}

export function count(row: Row, name: string): number {
  const value = row[name]
  return typeof value === 'number' ? value : 0
}

export function texts(row: Row, name: string): readonly string[] {
  const value = row[name]
  return Array.isArray(value) ? value : []
}

export function map(row: Row, name: string): StringMap {
  const value = row[name]
  return isMap(value) ? (value as StringMap) : {}
}

function isMap(value: Value | undefined): value is { readonly [key: string]: Value } {
  return typeof value === 'object' && !Array.isArray(value)
}

/** The map without some of its keys. */
export function without(from: StringMap, ...keys: readonly string[]): StringMap {
  return Object.fromEntries(Object.entries(from).filter(([key]) => !keys.includes(key)))
}

export function isNullRef(ref: Refstring | undefined): boolean {
  return ref === undefined || ref === '' || ref === NULL_REF
}

export const EPOCH = '19700101T00:00:00Z'
