/** What somebody asks to be done with a replica, what that would do, and how things stand. Plain data, as it is sent over the API. */
import type { Reason } from '../base.ts'
import type { Target, Timestamp } from './job.ts'

/** Where the interfaces go; `mapping` goes before the choice: network (uuid) → network, null: left disconnected. */
export interface NetworkWish {
  /** `one`: all on `network`. */
  readonly choice: 'isolated' | 'replica' | 'none' | 'one'
  readonly network?: string
  readonly mapping?: Readonly<Record<string, string | null>>
}

/** When it counts as up: `tools`, `address`, `tcp:PORT`, `tcp:HOST:PORT`, `running`, `script:/PATH` (administrators only), in this order. */
export interface ReadinessWish {
  readonly checks: readonly string[]
  /** For all checks together. */
  readonly timeoutSeconds: number
}

interface OfReplica {
  /** Where the replica is. */
  readonly target: Target
  /** uuid of the source VM */
  readonly vm: string
  /** Needed when several jobs have a replica of it there. */
  readonly job?: string
}

interface OfPoint extends OfReplica {
  /** uuid; left out: the newest complete one. */
  readonly restorePoint?: string
  readonly networks?: NetworkWish
  /** `safe`: kept where nothing else can have it. */
  readonly macs?: 'new' | 'keep' | 'safe'
}

interface Handing {
  /** `clean` (default): the guest is asked. */
  readonly shutdown?: 'clean' | 'hard'
  readonly shutdownTimeoutSeconds?: number
  /** Left out: it counts as up when it is started. */
  readonly ready?: ReadinessWish
}

interface OfFailedOver extends OfReplica {
  /** uuid of the VM that failed over, when several have from the same source. */
  readonly failedOver?: string
}

interface Back extends OfFailedOver {
  /** Storage for the way back; left out: that of the original's first disk. */
  readonly backSr?: string
  /** Network (uuid) of the VM that failed over → of the original's pool; left out: where the original has its interfaces. */
  readonly networks?: Readonly<Record<string, string | null>>
}

export type FailoverRequest =
  /** Networks default to `none`, MACs to `new`. */
  | (OfPoint & {
      readonly kind: 'clone'
      readonly name?: string
      /** It goes on with the memory that the restore point keeps, and is suspended until then. */
      readonly memory?: boolean
    })
  /** Networks default to `isolated`, MACs to `safe`, `ready` to tools within 300 s. `keep`: the VM stays, running, until it is cleaned up. */
  | (OfPoint & { readonly kind: 'test-failover'; readonly ready?: ReadinessWish; readonly keep?: boolean })
  /** Everything that tests kept or left on the pool; of one test, or of one source VM. */
  | { readonly kind: 'clean-up'; readonly pool: string; readonly test?: string; readonly vm?: string }
  /**
   * Keeps originals on `pool` from being started whose replica, or a clone of it, has taken over: all that are down, or that of one source VM.
   * To be asked for once a lost pool answers again; undoing a failover and going back take the block away.
   */
  | { readonly kind: 'fence'; readonly pool: string; readonly vm?: string }
  /**
   * Unplanned. Networks default to `replica`, MACs to `keep`. `clone`: a clone of the restore point in place of the replica. `asItRuns`: the
   * replica was started by other means and is to stay as it runs.
   */
  | (OfPoint & {
      readonly kind: 'failover'
      readonly clone?: boolean
      readonly asItRuns?: boolean
      /** Although the source runs, or another VM that took over from it. */
      readonly evenIfSourceRuns?: boolean
      readonly name?: string
      readonly ready?: ReadinessWish
    })
  | (OfReplica & Handing & { readonly kind: 'planned-failover' })
  | (OfFailedOver & { readonly kind: 'undo-failover' })
  | (Back & { readonly kind: 'reprotect' })
  /** `protectAgain` (default): the VM that ran becomes the replica again afterwards. */
  | (Back & Handing & { readonly kind: 'failback'; readonly protectAgain?: boolean })

/** What is to be given besides, to act. */
export interface FailoverConfirmation {
  /** Name that the preview asked for (`confirm`), typed. */
  readonly confirm?: string
  /** `agreed` of the preview: when something else would be lost by now, nothing is done (PLAN_CHANGED). */
  readonly agreed?: string
}

export interface PreviewInterface {
  readonly device: string
  readonly from: { readonly uuid: string; readonly name: string } | null
  /** null: left disconnected; uuid null: an isolated network that is made for it. */
  readonly to: { readonly uuid: string | null; readonly name: string } | null
  /** null: a new one */
  readonly mac: string | null
  readonly reason: Reason
}

/** What would happen at this moment; nothing was changed. */
export interface FailoverPreview {
  readonly kind: FailoverRequest['kind']
  /** One line. */
  readonly title: string
  readonly point: { readonly uuid: string; readonly name: string; readonly takenAt: Timestamp } | null
  /** What the source wrote in these last seconds is lost; null: the question does not arise. */
  readonly lossSeconds: number | null
  /** One begun before is gone on with. */
  readonly continues: boolean
  /** Step by step. */
  readonly happens: readonly Reason[]
  readonly lost: readonly Reason[]
  readonly costs: readonly Reason[]
  readonly warnings: readonly Reason[]
  readonly interfaces: readonly PreviewInterface[]
  /** What has to be typed to go on; null: nothing. */
  readonly confirm: string | null
  /** Goes into `agreed`. */
  readonly agreed: string
}

export interface FailedOverVm {
  readonly uuid: string
  readonly name: string
  readonly powerState: string
  readonly kind: 'planned' | 'unplanned'
  readonly clone: boolean
  /** `preparing`: not started yet, to be gone on with or undone. `turned`: it is protected in the other direction. */
  readonly state: 'preparing' | 'active' | 'turned'
  readonly at: Timestamp
  readonly restorePoint: string
  readonly takenAt: Timestamp
}

export interface TestCopy {
  readonly uuid: string
  readonly name: string
  readonly powerState: string
  /** Names it to the cleaning up. */
  readonly test: string
  readonly at: Timestamp | null
  /** Left for somebody to look at. */
  readonly keep: boolean
}

/** How a chain stands, read from the pools at this moment. */
export interface FailoverStatus {
  readonly job: string
  readonly vm: { readonly uuid: string; readonly name: string }
  readonly sourcePool: string | null
  readonly target: Target
  readonly replica: { readonly uuid: string; readonly name: string; readonly powerState: string } | null
  /** The replica runs, and no failover says why. */
  readonly startedByOtherMeans: boolean
  readonly failedOver: readonly FailedOverVm[]
  readonly tests: readonly TestCopy[]
  /** null: its pool is away, or it is gone. `handedOver`: it was, or is being, shut down to hand over. */
  readonly source: {
    readonly powerState: string
    readonly handedOver: 'shutting-down' | 'handed-over' | null
    /** Nobody can start it by accident. */
    readonly startBlocked: boolean
  } | null
  /** A failover that stopped in the middle, and what can be done about it; null: there is none. */
  readonly unfinished: { readonly text: string; readonly goOn: 'failover' | 'planned-failover'; readonly undo: 'undo-failover' } | null
  /** What makes sense now. */
  readonly possible: readonly FailoverRequest['kind'][]
  /** Id of the activity that works on it at this moment. */
  readonly underWay: string | null
}
