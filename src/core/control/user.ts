/** Who may use the server, and how far. */
import type { Timestamp } from './job.ts'

/** From the least to the most: each may do what those before it may. docs/server.md has the table. */
export const ROLES = ['viewer', 'operator', 'administrator'] as const
export type Role = (typeof ROLES)[number]

/** Whether somebody of role `role` may do what needs `needed`. */
export const reaches = (role: Role, needed: Role): boolean => ROLES.indexOf(role) >= ROLES.indexOf(needed)

/** What is left of a role for somebody who is held by another one as well: a token of a user. */
export const lesserRole = (a: Role, b: Role): Role => (reaches(a, b) ? b : a)

export interface User {
  readonly id: string
  readonly name: string
  readonly role: Role
  readonly disabled: boolean
  readonly createdAt: Timestamp
  readonly lastLoginAt: Timestamp | null
}

/** An API token, without its secret, which is shown once when it is made. */
export interface ApiToken {
  readonly id: string
  /** Whose it is: it can do no more than its user. */
  readonly user: string
  readonly userName: string
  readonly name: string
  readonly role: Role
  readonly createdAt: Timestamp
  readonly expiresAt: Timestamp | null
  readonly lastUsedAt: Timestamp | null
}
