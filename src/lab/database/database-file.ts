/**
 * The file behind a pool's database: one SQLite file with the objects, the documents and the generation. Written in one transaction
 * per commit, so that a process killed at any moment leaves the last commit whole. `synchronous=OFF`: what has to be survived is
 * the death of the process, not of the machine.
 */
import { DatabaseSync } from 'node:sqlite'
import type { Row, Value } from '../pool.ts'

export interface StoredObject {
  readonly className: string
  readonly ref: string
  readonly created: number
  readonly modified: number
  readonly fields: Row
}

export interface Batch {
  readonly objects: readonly StoredObject[]
  readonly gone: readonly (readonly [className: string, ref: string])[]
  /** A value of undefined removes the document. */
  readonly documents: readonly (readonly [kind: string, key: string, value: Value | undefined])[]
}

export interface DatabaseFile {
  /** A number that no generation given out before reached, also by a process that was killed. */
  readonly firstGeneration: number
  /** Promises that generations below `limit` may be given out; kept at once. */
  reserve(limit: number): void
  objects(): StoredObject[]
  documents(): [kind: string, key: string, value: Value][]
  write(batch: Batch): void
  close(): void
}

export function openDatabaseFile(path: string): DatabaseFile {
  const sql = new DatabaseSync(path)
  sql.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = OFF;
    CREATE TABLE IF NOT EXISTS object (class TEXT, ref TEXT, created INTEGER, modified INTEGER, fields TEXT, PRIMARY KEY (class, ref)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS document (kind TEXT, key TEXT, value TEXT, PRIMARY KEY (kind, key)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID;
  `)
  const putObject = sql.prepare('INSERT OR REPLACE INTO object VALUES (?, ?, ?, ?, ?)')
  const dropObject = sql.prepare('DELETE FROM object WHERE class = ? AND ref = ?')
  const putDocument = sql.prepare('INSERT OR REPLACE INTO document VALUES (?, ?, ?)')
  const dropDocument = sql.prepare('DELETE FROM document WHERE kind = ? AND key = ?')
  const putState = sql.prepare("INSERT OR REPLACE INTO state VALUES ('generation', ?)")
  const state = sql.prepare("SELECT value FROM state WHERE name = 'generation'").get() as { value: number } | undefined
  return {
    firstGeneration: state?.value ?? 0,
    reserve(limit) {
      putState.run(limit)
    },
    objects() {
      const rows = sql.prepare('SELECT class, ref, created, modified, fields FROM object').all() as Record<string, string | number>[]
      return rows.map((row) => ({
        className: row.class as string,
        ref: row.ref as string,
        created: row.created as number,
        modified: row.modified as number,
        fields: JSON.parse(row.fields as string) as Row,
      }))
    },
    documents() {
      const rows = sql.prepare('SELECT kind, key, value FROM document').all() as { kind: string; key: string; value: string }[]
      return rows.map((row) => [row.kind, row.key, JSON.parse(row.value) as Value])
    },
    write(batch) {
      sql.exec('BEGIN')
      try {
        for (const [className, ref] of batch.gone) dropObject.run(className, ref)
        for (const { className, ref, created, modified, fields } of batch.objects) {
          putObject.run(className, ref, created, modified, JSON.stringify(fields))
        }
        for (const [kind, key, value] of batch.documents) {
          if (value === undefined) dropDocument.run(kind, key)
          else putDocument.run(kind, key, JSON.stringify(value))
        }
        sql.exec('COMMIT')
      } catch (error) {
        sql.exec('ROLLBACK')
        throw error
      }
    },
    close() {
      sql.close()
    },
  }
}
