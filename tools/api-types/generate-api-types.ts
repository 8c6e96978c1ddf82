/**
 * Writes web/src/api/openapi.generated.ts, the types of docs/openapi.json; with --check only says whether it is up to date. A package of its
 * own, as the generator works with TypeScript 5 and the project with a later one (docs/adr/0015-the-page.md).
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import openapiTypescript, { astToString } from 'openapi-typescript'

const root = join(import.meta.dirname, '..', '..')
const file = join(root, 'web', 'src', 'api', 'openapi.generated.ts')
const HEAD = '/** Written by tools/api-types/generate-api-types.ts from docs/openapi.json: the types of the API. */\n'

const tree = await openapiTypescript(pathToFileURL(join(root, 'docs', 'openapi.json')), {
  // What was asked for is in a cache that pages share.
  immutable: true,
  // A schema is exported by its name too.
  rootTypes: true,
  rootTypesNoSchemaPrefix: true,
  silent: true,
})
const text = `${HEAD}\n${astToString(tree)}`

if (!process.argv.includes('--check')) writeFileSync(file, text)
else if (readFileSync(file, 'utf8') !== text) {
  console.error('web/src/api/openapi.generated.ts is not what docs/openapi.json says: node tools/api-types/generate-api-types.ts')
  process.exitCode = 1
}
