/** The faults of one pool: set, matched, counted, recorded; and what each part of the pool asks of them. */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type HostCertificate, newCertificate } from '../certificate.ts'
import { ControlError } from '../control/request-fields.ts'
import type { Connection } from '../http/connection.ts'
import { type Attachment, type BulkRequest, type Database, type LabPool, type Refstring, XapiFailure } from '../pool.ts'
import { sessionsOf } from '../session/sessions.ts'
import { createCallLog } from './call-log.ts'
import { faultyDisk } from './disk-faults.ts'
import type { Fault, FaultKind, FaultOf, Faults, Firing, NewFault } from './fault.ts'
import { connectionOf, isAction, isCallFault, isStreamFault, isTaskFault, matchesCall } from './fault-place.ts'
import { OlderXapi } from './older-xapi.ts'
import { readFault } from './read-fault.ts'
import { StreamCut, type StreamFault, type StreamFaults, StreamTap, type TappedStream } from './stream-tap.ts'
import { tappedBulk, tappedConnection } from './tapped-http.ts'
import { Traffic } from './traffic.ts'

const MOST_FIRINGS = 10_000
const MOST_FAULTS = 1000
/** What the least write takes of an SR: less is nothing. */
const BLOCK_BYTES = 2 << 20

export interface FaultHooks {
  /** Stops the toolstack and starts it again. Without it a `restart` is refused. */
  readonly restart?: (downSeconds: number) => Promise<void>
}

interface ShownCertificate {
  readonly host: Refstring
  readonly made: HostCertificate
}

type Entry = { -readonly [K in keyof Fault]: Fault[K] }

const ofDatabase = new WeakMap<Database, Faults>()

/** Whether a fault has the disk of a pool's database count as in use, to be destroyed or changed by nobody. */
export function countsAsInUse(db: Database, vdi: string): boolean {
  return ofDatabase.get(db)?.inUse(vdi) ?? false
}

export function createFaults(hooks: FaultHooks = {}): Faults {
  return new FaultBox(hooks)
}

class FaultBox implements Faults, StreamFaults {
  readonly calls = createCallLog()
  readonly traffic = new Traffic()
  streams: readonly StreamFault[] = []
  #certificate: ShownCertificate | undefined
  readonly #hooks: FaultHooks
  readonly #faults = new Map<string, Fault>()
  readonly #ends = new Map<string, PromiseWithResolvers<void>>()
  readonly #firings: Firing[] = []
  readonly #certificates = new Map<string, ShownCertificate>()
  readonly #older = new OlderXapi(() => this.older())
  /** Bytes that an SR held when its fault was first looked at, by fault. */
  readonly #heldBefore = new Map<string, number>()
  /** Until when disks count as in use, by uuid. */
  readonly #inUse = new Map<string, number>()
  #fired = 0
  #pool: LabPool | undefined
  #onCertificate: Parameters<Faults['onCertificate']>[0] = () => {}
  /** By kind: what is set, so that a hook costs one look. */
  #kinds = new Map<FaultKind, readonly Fault[]>()
  #ofCalls: readonly Fault[] = []

  constructor(hooks: FaultHooks) {
    this.#hooks = hooks
  }

  async add(given: NewFault): Promise<Fault> {
    const spec = readFault(given)
    if (this.#faults.size >= MOST_FAULTS) throw new ControlError(409, `there are ${MOST_FAULTS} faults already`)
    if (spec.kind === 'restart' && !this.#hooks.restart) throw new ControlError(409, 'this pool has nobody who could start it again')
    const id = randomUUID().slice(0, 8)
    if (spec.kind === 'certificate') {
      if (!this.#pool) throw new ControlError(409, 'the pool has not started')
      const { db, refs } = this.#pool
      const { name_label, address } = db.get('host', refs.host)
      const made = await newCertificate(name_label as string, address as string)
      this.#certificates.set(id, { host: refs.host, made })
    }
    const fault: Fault = Object.assign({ ...spec }, { id, passed: 0, fired: 0, armed: true })
    this.#faults.set(id, fault)
    this.#sort()
    if (spec.kind === 'network') this.traffic.network = spec
    const waits = Object.keys(spec.match).length > 0
    if (!waits && isAction(fault) && this.take(fault, 'at once')) await this.#carryOut(fault)
    return { ...fault }
  }

  list(): Fault[] {
    return [...this.#faults.values()].map((fault) => ({ ...fault }))
  }

  clear(id: string): boolean {
    const fault = this.#faults.get(id)
    if (!fault) return false
    ;(fault as Entry).armed = false
    this.#faults.delete(id)
    this.#ends.get(id)?.resolve()
    this.#ends.delete(id)
    for (const key of this.#heldBefore.keys()) if (key.startsWith(`${id} `)) this.#heldBefore.delete(key)
    this.#sort()
    if (fault.kind === 'network') this.traffic.network = this.#of('network').at(-1)
    if (fault.kind === 'vdi-in-use') this.#inUse.clear()
    const mine = this.#certificates.get(id)
    this.#certificates.delete(id)
    if (mine && this.#certificate === mine) {
      this.#certificate = undefined
      this.#onCertificate(mine.host, undefined)
    }
    return true
  }

  clearAll(): void {
    for (const id of [...this.#faults.keys()]) this.clear(id)
  }

  fired(since = 0): Firing[] {
    return this.#firings.filter(({ number }) => number > since)
  }

  bind(pool: LabPool): void {
    this.#pool = pool
    ofDatabase.set(pool.db, this)
    this.#inUse.clear()
  }

  onCertificate(listener: Parameters<Faults['onCertificate']>[0]): void {
    this.#onCertificate = listener
    if (this.#certificate) listener(this.#certificate.host, this.#certificate.made)
  }

  take(fault: Fault, what: string): boolean {
    if (!fault.armed) return false
    const entry = fault as Entry
    if (entry.passed < entry.skip) {
      entry.passed += 1
      return false
    }
    entry.fired += 1
    if (entry.count !== null && entry.fired >= entry.count) {
      entry.armed = false
      this.#sort()
    }
    this.#fired += 1
    this.#firings.push({ number: this.#fired, at: new Date().toISOString(), fault: entry.id, kind: entry.kind, what })
    if (this.#firings.length > MOST_FIRINGS) this.#firings.shift()
    return true
  }

  cleared({ id }: Fault): Promise<void> {
    if (!this.#faults.has(id)) return Promise.resolve()
    const end = this.#ends.get(id) ?? Promise.withResolvers<void>()
    this.#ends.set(id, end)
    return end.promise
  }

  act(fault: Fault): void {
    // Whoever came to it must not wait for a restart that waits for him.
    void this.#carryOut(fault).catch(() => undefined)
  }

  async call<T>(name: string, params: readonly unknown[], run: () => Promise<T>, stream?: TappedStream): Promise<T> {
    this.calls.note(name)
    if (this.#ofCalls.length === 0) return run()
    const older = this.older()
    if (older && this.#pool) this.#older.before(this.#pool, name, params)
    const matching = this.#ofCalls.filter((fault) => matchesCall(fault, name))
    const struck = matching.filter((fault) => !isTaskFault(fault) && this.take(fault, name))
    for (const fault of struck) if ('when' in fault && fault.when === 'before') await this.#strikeCall(fault, stream)
    const value = await run()
    for (const fault of struck) if ('when' in fault && fault.when === 'after') await this.#strikeCall(fault, stream)
    if (!older) return value
    const answer = value as { readonly value: unknown }
    return { ...answer, value: this.#older.answer(name, answer.value) } as T
  }

  async task<T>(name: string, run: () => Promise<T>): Promise<T> {
    if (this.#ofCalls.length === 0) return run()
    const struck = this.#ofCalls.filter((fault) => isTaskFault(fault) && matchesCall(fault, name) && this.take(fault, `task of ${name}`))
    const strike = async (moment: 'before' | 'after') => {
      for (const fault of struck) {
        if (fault.kind === 'slow-task' && fault.when === moment) await this.#pause(fault, fault.seconds)
        if (fault.kind === 'error' && fault.when === moment) throw new XapiFailure(fault.code, fault.params)
      }
    }
    await strike('before')
    const value = await run()
    await strike('after')
    return value
  }

  tapRpc(wire: Connection) {
    return tappedConnection(wire, (stream) => new StreamTap(this, stream, 'rpc', undefined))
  }

  tapBulk(pool: LabPool, request: BulkRequest, wire: Connection): BulkRequest {
    const name = request.path.replace(/^\//, '')
    this.calls.note(name)
    const kind = name.startsWith('export') ? 'export' : name.startsWith('import') ? 'import' : undefined
    if (kind === undefined) return request
    const given = request.parameter('vdi')
    const vdi = given === undefined ? undefined : ((pool.db.find('VDI', given)?.uuid as string | undefined) ?? given)
    return tappedBulk(request, wire, (stream) => new StreamTap(this, stream, kind, vdi))
  }

  tapNbd(stream: TappedStream, vdi: string): StreamTap {
    this.calls.note('nbd')
    return new StreamTap(this, stream, 'nbd', vdi)
  }

  attached(vdi: string, why: string, attachment: Attachment): Attachment {
    const kind = connectionOf(why)
    const what = `${kind ?? why} of ${vdi}`
    const matches = ({ match, armed }: Fault) =>
      armed && (match.vdi === undefined || match.vdi === vdi) && (match.connection === undefined || match.connection === kind)
    const corrupting = () => (this.#kinds.size === 0 ? [] : this.#of('corrupt').filter((fault) => fault.where === 'disk' && matches(fault)))
    const disk = faultyDisk(attachment.disk, {
      corrupting,
      take: (fault) => this.take(fault, `${what}, byte ${fault.match.at ?? 0} of the disk`),
    })
    let ended: Promise<void> | undefined
    const detach = async () => {
      for (const fault of this.#of('linger')) {
        if (matches(fault) && this.take(fault, what)) await this.#pause(fault, fault.seconds)
      }
      await attachment.detach()
      for (const fault of this.#of('vdi-in-use')) {
        if (matches(fault) && this.take(fault, what)) this.#inUse.set(vdi, performance.now() + fault.seconds * 1000)
      }
    }
    return {
      disk,
      vbd: attachment.vbd,
      detach() {
        ended ??= detach()
        return ended
      },
    }
  }

  inUse(vdi: string): boolean {
    if (this.#inUse.size === 0) return false
    const until = this.#inUse.get(vdi)
    if (until !== undefined && until > performance.now()) return true
    this.#inUse.delete(vdi)
    return false
  }

  free(sr: string, used: number, free: number): number {
    if (this.#kinds.size === 0) return free
    let least = free
    for (const fault of this.#of('sr-full')) {
      if (!fault.armed || (fault.match.sr !== undefined && fault.match.sr !== sr)) continue
      const key = `${fault.id} ${sr}`
      if (!this.#heldBefore.has(key)) this.#heldBefore.set(key, used)
      least = Math.min(least, Math.max(0, (this.#heldBefore.get(key) as number) + fault.bytes - used))
      if (least >= BLOCK_BYTES) continue
      if (fault.fired === 0) this.take(fault, `SR ${sr}`)
      least = 0
    }
    return least
  }

  losesEvent(event: { readonly class: string; readonly operation: string; readonly ref: string }): boolean {
    if (this.#kinds.size === 0) return false
    return this.#of('lose-events').some((fault) => {
      const { match } = fault
      if (match.class !== undefined && match.class !== event.class) return false
      if (match.operation !== undefined && match.operation !== event.operation) return false
      return this.take(fault, `${event.operation} of ${event.class} ${event.ref}`)
    })
  }

  chunkedImport(vdi: string | undefined): 'refuse' | 'ignore' | 'io-error' | undefined {
    for (const fault of this.#of('no-chunked-import')) {
      const matches = fault.match.vdi === undefined || fault.match.vdi === vdi
      if (matches && this.take(fault, vdi === undefined ? 'import' : `import of ${vdi}`)) return fault.how
    }
    return undefined
  }

  older(): boolean {
    return this.#kinds.size > 0 && this.#of('older-xapi').some(({ armed }) => armed)
  }

  allowedOperations: Faults['allowedOperations'] = (vm, row, compute) => this.#older.allowedOperations(vm, row, compute)

  #of<K extends FaultKind>(kind: K): readonly FaultOf<K>[] {
    return (this.#kinds.get(kind) ?? []) as unknown as readonly FaultOf<K>[]
  }

  #sort(): void {
    const armed = [...this.#faults.values()].filter((fault) => fault.armed)
    this.#kinds = new Map(armed.map(({ kind }) => [kind, armed.filter((fault) => fault.kind === kind)]))
    this.#ofCalls = armed.filter((fault) => fault.kind === 'older-xapi' || isCallFault(fault))
    this.streams = armed.filter(isStreamFault)
  }

  async #strikeCall(fault: Fault, stream: TappedStream | undefined): Promise<void> {
    switch (fault.kind) {
      case 'error':
        throw new XapiFailure(fault.code, fault.params)
      case 'delay':
        return this.#pause(fault, fault.seconds)
      case 'cut':
        stream?.cut()
        throw new StreamCut()
      case 'half-open':
        await Promise.race([stream?.ended, this.cleared(fault), this.#stopped()])
        stream?.cut()
        throw new StreamCut()
      case 'restart':
        this.act(fault)
        // No answer: the connection goes with the toolstack.
        await this.#stopped()
        stream?.cut()
        throw new StreamCut()
      default:
        await this.#carryOut(fault)
    }
  }

  async #carryOut(fault: Fault): Promise<void> {
    const pool = this.#pool
    switch (fault.kind) {
      case 'restart':
        return this.#hooks.restart?.(fault.downSeconds)
      case 'certificate':
        this.#certificate = this.#certificates.get(fault.id)
        if (this.#certificate) this.#onCertificate(this.#certificate.host, this.#certificate.made)
        return
      case 'expire-sessions': {
        if (!pool) return
        const sessions = pool.db.refs('session').filter((ref) => fault.session === undefined || fault.session === ref)
        for (const session of sessions) sessionsOf(pool).logout(session)
        return pool.db.commit()
      }
      default:
    }
  }

  async #pause(fault: Fault, seconds: number): Promise<void> {
    const over = new AbortController()
    const signal = this.#pool ? AbortSignal.any([over.signal, this.#pool.stopping]) : over.signal
    try {
      await Promise.race([delay(seconds * 1000, undefined, { signal }).catch(() => undefined), this.cleared(fault)])
    } finally {
      over.abort()
    }
  }

  /** Resolves when the pool that runs now stops. */
  #stopped(): Promise<void> {
    return new Promise((resolve) => {
      const signal = this.#pool?.stopping
      if (!signal || signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }
}

export type { Fault, FaultControl, Faults, Firing, NewFault } from './fault.ts'
