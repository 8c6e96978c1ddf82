import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { startPool } from '../../src/lab/start-pool.ts'
import { classes } from '../../src/xapi/model.ts'
import { needs } from '../support/programs.ts'

/** Walks every class with a client that we did not write, and prints the type of each field as XML-RPC told it. */
const WALK = `
import json, os, ssl, sys, xmlrpc.client
context = ssl.create_default_context(cafile=sys.argv[2])
server = xmlrpc.client.ServerProxy(sys.argv[1], context=context)
session = server.session.login_with_password('root', os.environ['POOL_PASSWORD'], '1.0', 'walk')['Value']
out = {}
for method in server.system.listMethods():
    name, _, message = method.partition('.')
    if message != 'get_all_records':
        continue
    reply = getattr(getattr(server, name), message)(session)
    if reply['Status'] != 'Success':
        out[name] = reply
        continue
    refs = sorted(getattr(server, name).get_all(session)['Value'])
    records = reply['Value']
    ok = refs == sorted(records) and all(getattr(server, name).get_record(session, ref)['Status'] == 'Success' for ref in refs)
    uuids = all(getattr(server, name).get_by_uuid(session, r['uuid'])['Value'] == ref for ref, r in records.items())
    out[name] = {'count': len(records), 'ok': ok and uuids,
                 'types': [{field: type(value).__name__ for field, value in r.items()} for r in records.values()]}
server.session.logout(session)
print(json.dumps(out))
`

interface Walked {
  readonly count: number
  readonly ok: boolean
  readonly types: readonly Readonly<Record<string, string>>[]
}

function pythonType(type: string): string {
  if (type.endsWith(' set')) return 'list'
  if (type.endsWith(' map')) return 'dict'
  return { bool: 'bool', float: 'float', datetime: 'DateTime' }[type] ?? 'str'
}

describe("Python's xmlrpc.client", needs('python3'), () => {
  test('checks the certificate, logs in and walks every class: every field is there, with its type', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'walk-'))
    const running = await startPool({ name: 'walked', folder, password: 'p<&>ä', nbd: false })
    try {
      await running.pool.invoke('task.create', 'a task', 'to look at')
      const { stdout } = await promisify(execFile)('python3', ['-c', WALK, running.url, join(folder, 'certificate.pem')], {
        env: { ...process.env, POOL_PASSWORD: 'p<&>ä' },
        timeout: 60_000,
      })
      const walked = JSON.parse(stdout) as Record<string, Walked>
      const expected = Object.keys(classes).filter(
        (name) => classes[name]?.implied.includes('get_all_records') || classes[name]?.messages.get_all_records,
      )
      assert.deepEqual(Object.keys(walked).sort(), expected.sort())
      for (const [className, { ok, types }] of Object.entries(walked)) {
        assert.ok(ok, className)
        const fields = Object.entries(classes[className]?.fields ?? {}).map(([field, [type]]) => [field, pythonType(type)])
        for (const record of types) assert.deepEqual(record, Object.fromEntries(fields), className)
      }
      for (const className of [
        'pool',
        'host',
        'VM',
        'SR',
        'PBD',
        'network',
        'PIF',
        'SM',
        'Certificate',
        'task',
        'host_metrics',
        'VM_metrics',
      ]) {
        assert.ok((walked[className]?.count ?? 0) > 0, `${className} has an object`)
      }
    } finally {
      await running.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
