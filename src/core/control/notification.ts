/** Who is told when something goes wrong, and what was told. */
import type { Timestamp } from './job.ts'

export type ChannelSpec =
  | {
      readonly kind: 'email'
      readonly name: string
      readonly enabled: boolean
      readonly host: string
      readonly port: number
      readonly tls: 'implicit' | 'starttls' | 'none'
      readonly user?: string
      readonly from: string
      readonly to: readonly string[]
    }
  /** Signed by HMAC-SHA-256 of the body, see docs. */
  | { readonly kind: 'webhook'; readonly name: string; readonly enabled: boolean; readonly url: string }

export type Channel = ChannelSpec & {
  readonly id: string
  readonly hasSecret: boolean
  readonly lastError: string | null
  readonly lastSentAt: Timestamp | null
}

export interface Alert {
  readonly id: string
  readonly kind: 'run-failed' | 'rpo-missed' | 'pool-away' | 'pool-refused' | 'target-space' | 'health-check-failed' | 'original-not-fenced'
  readonly subject: string
  readonly text: string
  readonly hint: string
  readonly openedAt: Timestamp
  readonly closedAt: Timestamp | null
  readonly job: string | null
  readonly vm: string | null
  readonly pool: string | null
}
