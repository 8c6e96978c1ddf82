/**
 * Kysely on `node:sqlite`: one connection, whose queries are synchronous. A transaction holds the connection until it ends, and what
 * comes meanwhile waits in order. A query beside the transaction from inside it would wait for itself for ever: it is refused.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'

/** Statements kept prepared: more than the operations of the store have in their usual forms. */
const STATEMENTS_KEPT = 200

interface Inside {
  readonly durable: boolean
  /** From its beginning to its end. */
  open: boolean
}

/** Where the code that runs now is: inside a transaction of this database or not. */
export class TransactionScope {
  readonly #inside = new AsyncLocalStorage<Inside>()

  /** Whether the commit of the transaction that is run now waits for the disk. */
  get durable(): boolean {
    const inside = this.#inside.getStore()
    return inside?.open === true && inside.durable
  }

  /** Told by the driver, when what was to be run inside has the connection. */
  begun(): void {
    const inside = this.#inside.getStore()
    if (inside) inside.open = true
  }

  async run<T>({ durable }: { readonly durable: boolean }, work: () => Promise<T>): Promise<T> {
    this.refuseInside()
    const inside: Inside = { durable, open: false }
    try {
      return await this.#inside.run(inside, work)
    } finally {
      // What was begun inside and goes on after the end is outside again.
      inside.open = false
    }
  }

  refuseInside(): void {
    if (this.#inside.getStore()?.open) throw new Error('a query beside the transaction from inside it would wait for its end for ever')
  }
}

export function nodeSqliteDialect(database: DatabaseSync, scope: TransactionScope): Dialect {
  return {
    createAdapter: () => new NodeSqliteAdapter(),
    createDriver: () => new NodeSqliteDriver(database, scope),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  }
}

class NodeSqliteAdapter extends SqliteAdapter {
  /** The driver queues by itself, since it has to tell who would wait for themselves. */
  override get supportsMultipleConnections(): boolean {
    return true
  }

  /** So that a migration that is killed in the middle has not happened. */
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

class NodeSqliteDriver implements Driver {
  readonly #database: DatabaseSync
  readonly #scope: TransactionScope
  readonly #connection: NodeSqliteConnection
  readonly #waiting: (() => void)[] = []
  #taken = false

  constructor(database: DatabaseSync, scope: TransactionScope) {
    this.#database = database
    this.#scope = scope
    this.#connection = new NodeSqliteConnection(database)
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    if (this.#taken) {
      this.#scope.refuseInside()
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    this.#taken = true
    return this.#connection
  }

  async releaseConnection(): Promise<void> {
    const next = this.#waiting.shift()
    // Handed over without being free in between: whoever asks now comes after those that wait.
    if (next) next()
    else this.#taken = false
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    this.#scope.begun()
    // In the write-ahead log, FULL is one more wait for the disk at the commit, which also covers all commits before it.
    if (this.#scope.durable) this.#database.exec('pragma synchronous = full')
    await connection.executeQuery(CompiledQuery.raw('begin immediate'))
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'))
    this.#endDurable()
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    // Some errors (a full disk) have rolled back already.
    if (this.#database.isTransaction) await connection.executeQuery(CompiledQuery.raw('rollback'))
    this.#endDurable()
  }

  #endDurable(): void {
    if (this.#scope.durable) this.#database.exec('pragma synchronous = normal')
  }

  async destroy(): Promise<void> {
    if (this.#database.isOpen) this.#database.close()
  }
}

class NodeSqliteConnection implements DatabaseConnection {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const statement = this.#prepared(sql)
    const values = parameters as readonly SQLInputValue[]
    if (statement.columns().length > 0) {
      // Plain objects: those of SQLite have no prototype.
      return { rows: statement.all(...values).map((row) => ({ ...row })) as R[] }
    }
    const { changes, lastInsertRowid } = statement.run(...values)
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) }
  }

  // biome-ignore lint/correctness/useYield: nothing of ours streams rows, pages are read instead
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('rows are read in pages, not streamed')
  }

  #prepared(sql: string): StatementSync {
    const kept = this.#statements.get(sql)
    this.#statements.delete(sql)
    const statement = kept ?? this.#database.prepare(sql)
    // Used last, thrown out last. What changes the schema is used once, and statements before it are prepared again by SQLite itself.
    this.#statements.set(sql, statement)
    if (this.#statements.size > STATEMENTS_KEPT) this.#statements.delete(this.#statements.keys().next().value as string)
    return statement
  }
}
