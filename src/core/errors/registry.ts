/**
 * Every error that a user can be told, by its code: what it means, why it comes about, what to do. docs/errors.md lists exactly these, each
 * area under its heading (test/contract/docs-errors.test.ts). A new area is a file beside this one, and a line in `ERROR_AREAS`.
 */

import { ACTIVITIES } from './activities.ts'
import { ACCESS, REQUESTS } from './api.ts'
import { COMMAND_LINE } from './command-line.ts'
import type { ErrorArea, ErrorEntry } from './entry.ts'
import { FAILING_OVER } from './failing-over.ts'
import { CARRYING_OUT, DEFINING } from './jobs.ts'
import { PLANNING } from './planning.ts'
import { CERTIFICATES, REACHING, XAPI } from './pools.ts'
import { REGISTERED_POOLS } from './registered-pools.ts'
import { CHECKING, RUNNING } from './running.ts'
import { SEEDING } from './seeding.ts'
import { STORING } from './storing.ts'
import { IMAGES, NBD } from './streams.ts'
import { TRYING } from './trying.ts'

/** By the heading of their part of docs/errors.md. */
export const ERROR_AREAS = {
  'The plan refuses the run': PLANNING,
  'In the middle of a run': RUNNING,
  'Checking a restore point': CHECKING,
  'Starting, testing and failing over': FAILING_OVER,
  'Linking a seed': SEEDING,
  'Reaching a pool': REACHING,
  Certificates: CERTIFICATES,
  "XAPI's own errors": XAPI,
  NBD,
  'Disk images': IMAGES,
  'Registered pools': REGISTERED_POOLS,
  'Jobs, schedules and settings': DEFINING,
  'Runs of the server': CARRYING_OUT,
  'Activities of the server': ACTIVITIES,
  "The server's data": STORING,
  'The lab of the server': TRYING,
  'On the command line': COMMAND_LINE,
  'Signing in and rights': ACCESS,
  'Requests to the server': REQUESTS,
} as const satisfies Readonly<Record<string, ErrorArea>>

type Areas = (typeof ERROR_AREAS)[keyof typeof ERROR_AREAS]
type CodesOf<Area> = Area extends unknown ? keyof Area : never

export type ErrorCode = CodesOf<Areas>
export type XapiErrorCode = keyof typeof XAPI

const ENTRIES = new Map<string, ErrorEntry>(Object.values<ErrorArea>(ERROR_AREAS).flatMap((area) => Object.entries(area)))

/** Whether a text, from a record or from another program, is a code of this version. */
export const isErrorCode = (text: string): text is ErrorCode => ENTRIES.has(text)

/** Whether a code of XAPI's is one that passes through under its own name. */
export const isXapiErrorCode = (text: string): text is XapiErrorCode => Object.hasOwn(XAPI, text)

export const errorEntry = (code: ErrorCode): ErrorEntry => ENTRIES.get(code) as ErrorEntry

type AsCode<Name extends string> = Name extends `${infer Head}-${infer Tail}` ? `${Uppercase<Head>}_${AsCode<Tail>}` : Uppercase<Name>

/** `no-space` → `NO_SPACE`: names that other layers give, as codes. Whether there is such a code is checked where it is used as one. */
export const asCode = <Name extends string>(name: Name) => name.toUpperCase().replaceAll('-', '_') as AsCode<Name>
