import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importsOf, violations } from './layers.ts'

const dependencies = ['selfsigned', '@scope/known']

const cases: readonly (readonly [file: string, code: string, wrong: RegExp | undefined])[] = [
  ['src/replication/run.ts', "import { plan } from '../core/plan.ts'", undefined],
  ['src/nbd/client.ts', "import { login } from '../xapi/session.ts'", /^src\/nbd\/client\.ts:1: imports only point down/],
  ['src/nbd/client.ts', "import type { Xapi } from '../xapi/xapi.ts'", /imports only point down/],
  ['src/block/copy.ts', "const { x } = await import('../vhd/reader.ts')", /imports only point down/],
  ['src/block/copy.ts', "export * from '../vhd/reader.ts'", /imports only point down/],
  ['src/block/copy.ts', "import '../vhd/reader.ts'", /imports only point down/],
  ['src/block/copy.ts', "import {\n  a,\n  b,\n} from '../vhd/reader.ts'", /imports only point down/],
  ['src/core/plan.ts', "import type { Ref } from '../xapi/ref.ts'", undefined],
  ['src/core/plan.ts', "import { refOf } from '../xapi/ref.ts'", /src\/core is pure: only `import type`/],
  ['src/core/plan.ts', "import type { Runner } from '../replication/run.ts'", /imports only point down/],
  ['src/core/plan.ts', "import { randomUUID } from 'node:crypto'", /src\/core is pure: no import of node:crypto/],
  ['src/core/plan.ts', '// not now\nconst now = Date.now()', /plan\.ts:2: src\/core is pure/],
  ['src/core/plan.ts', '/* Date.now() */ const now = 1 // Math.random()', undefined],
  ['src/core/sub/plan.ts', "import { a } from '../other.ts'", undefined],
  ['src/replication/run.ts', "import { startPool } from '../lab/start-pool.ts'", /only src\/cli\/lab\*\.ts may import the simulated pools/],
  ['src/cli/replicate.ts', "import { startPool } from '../lab/start-pool.ts'", /only src\/cli\/lab\*\.ts/],
  ['src/cli/lab.ts', "import { startPool } from '../lab/start-pool.ts'", undefined],
  ['src/lab/http/server.ts', "import { connect } from '../../xapi/connect.ts'", /src\/lab may use the codecs/],
  ['src/lab/http/server.ts', "import { classes } from '../../xapi/model.ts'", undefined],
  ['src/lab/http/server.ts', "import { footer } from '../../vhd/footer.ts'", undefined],
  ['src/lab/http/server.ts', "import { plan } from '../../core/plan.ts'", /src\/lab may use the codecs/],
  ['src/vhd/footer.ts', "import { needs } from '../../test/support/programs.ts'", /which no package carries/],
  ['src/vhd/footer.test.ts', "import { needs } from '../../test/support/programs.ts'", undefined],
  ['src/vhd/footer.ts', "import { a } from './a.test.ts'", /sources don't import tests/],
  ['src/vhd/footer.ts', "import { a } from './a.js'", /name the file with its \.ts/],
  ['src/xapi/tls.ts', "import { generate } from 'selfsigned'", undefined],
  ['src/xapi/tls.ts', "import { a } from '@scope/known/deep'", undefined],
  ['src/xapi/tls.ts', "import ts from 'typescript'", /typescript is not among the dependencies/],
  ['src/novel/a.ts', "import { a } from '../block/block.ts'", /no layer is known for src\/novel/],
]

for (const [file, code, wrong] of cases) {
  test(`${wrong ? 'refused' : 'allowed'}: ${JSON.stringify(code)} in ${file}`, () => {
    const found = violations(file, code, dependencies)
    if (!wrong) return assert.deepEqual(found, [])
    assert.equal(found.length, 1)
    assert.match(found[0] ?? '', wrong)
  })
}

test('text that only looks like an import is not one', () => {
  assert.deepEqual(importsOf("const text = 'it came from'\nconst other = \"import { a } from 'b'\"\nexport const a = 'b'\n"), [])
})
