/** The examples of docs/api.md do what they say: every block of shell is run as it stands, in order, against a server that listens. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { PASSWORDS, testApi } from '../../support/api.ts'

const document = readFileSync(join(import.meta.dirname, '..', '..', '..', 'docs', 'api.md'), 'utf8')
const examples = [...document.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map((match) => match[1] as string)

test('every example of docs/api.md succeeds as it stands', async (t) => {
  assert.ok(examples.length >= 6)
  const api = await testApi(t)
  const url = await api.app.listen({ host: '127.0.0.1', port: 0 })
  const job = await api.plane.jobs.create({ name: 'n', enabled: true, selection: { include: [], exclude: [] }, targets: [], settings: {} })
  const folder = mkdtempSync(join(tmpdir(), 'docs'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const env = {
    ...process.env,
    URL: url,
    TOKEN: await api.token('administrator'),
    JOB: job.id,
    NAME: 'viewer',
    PASSWORD: PASSWORDS.viewer,
    POOL: 'oslo',
    SR: randomUUID(),
    VM: randomUUID(),
  }
  for (const example of examples) {
    const isStream = example.includes('curl -sN')
    // An error of HTTP is an error of the example, and a stream that goes on for ever is read until its first event.
    const script = example.replaceAll('curl ', 'curl --fail-with-body --max-time 60 ').trimEnd()
    const shell = spawn('bash', ['-euo', 'pipefail', '-c', isStream ? `set +o pipefail; ${script} | head -n 3` : script], {
      cwd: folder,
      env,
    })
    let printed = ''
    for (const stream of [shell.stdout, shell.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (printed += text))
    const closed = new Promise<number | null>((resolve) => shell.once('close', resolve))
    if (isStream) {
      // `head` has what it wants; curl notices when it writes the next time.
      const tick = setInterval(() => api.plane.tell({ kind: 'run', run: api.plane.started[0]! }), 50)
      const code = await closed
      clearInterval(tick)
      assert.equal(code, 0, `${example}\n${printed}`)
      assert.match(printed, /event: hello/)
    } else assert.equal(await closed, 0, `${example}\n${printed}`)
  }
  assert.equal(api.plane.started.length, 1)
})
