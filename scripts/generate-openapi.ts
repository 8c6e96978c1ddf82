/** Writes docs/openapi.json, which the API makes of its routes, and the page's types of it; with --check only says whether the document is up to date. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { testApi } from '../test/support/api.ts'

const file = join(import.meta.dirname, '..', 'docs', 'openapi.json')
const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'package.json'), 'utf8')) as { version: string }

const api = await testApi(undefined, { version })
const answer = await api.app.inject({ url: '/api/v1/openapi.json' })
await api.close()
if (answer.statusCode !== 200) throw new Error(`the document can't be made: ${answer.body}`)
const text = `${JSON.stringify(answer.json(), null, 1)}\n`

if (!process.argv.includes('--check')) {
  writeFileSync(file, text)
  await import('../tools/api-types/generate-api-types.ts')
} else if (readFileSync(file, 'utf8') !== text) {
  console.error('docs/openapi.json is not what the routes say: node scripts/generate-openapi.ts')
  process.exitCode = 1
}
