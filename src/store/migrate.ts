/** Brings a database to the version of this program. A version is done in one transaction or has not happened. */
import { type Kysely, sql } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import { Failure } from '../core/failure.ts'
import { MIGRATIONS } from './migrations/all.ts'
import type { Tables } from './schema.ts'

/** `upTo`: the name of a version to stop at, for tests of older ones. Throws Failure DATABASE_NEWER, and changes nothing then. */
export async function migrate(
  db: Kysely<Tables>,
  { migrations = MIGRATIONS, upTo }: { readonly migrations?: Readonly<Record<string, Migration>>; readonly upTo?: string } = {},
): Promise<void> {
  const unknown = (await versionsOf(db)).filter((name) => !(name in migrations))
  if (unknown.length > 0) throw newerDatabase(unknown)
  const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...migrations }) } })
  const { error } = upTo === undefined ? await migrator.migrateToLatest() : await migrator.migrateTo(upTo)
  if (error !== undefined) throw error
}

/** Names of the versions that a database went through; none of an empty one. */
async function versionsOf(db: Kysely<Tables>): Promise<string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
  if (!tables.some((table) => table.name === 'kysely_migration')) return []
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db)
  return rows.map((row) => row.name)
}

export function newerDatabase(unknown: readonly string[]): Failure {
  return new Failure(
    'DATABASE_NEWER',
    `the database was used by a newer version of understudy (it has ${unknown.join(', ')}, which this version does not know)`,
    'start that version or a later one, or restore a backup of before the upgrade (understudy server restore)',
  )
}
