import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { classes } from '../../xapi/model.ts'
import { XapiFailure } from '../pool.ts'
import { openDatabase, type VersionedDatabase } from './database.ts'
import { NULL } from './empty-value.ts'

describe('object database', () => {
  let folder: string
  let db: VersionedDatabase
  const path = () => join(folder, 'pool.sqlite')
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lab-database-'))
    db = openDatabase(path())
  })
  afterEach(() => {
    db.close()
    rmSync(folder, { recursive: true, force: true })
  })
  /** What a process that starts after a kill -9 of this one would find. */
  const reopened = <T>(look: (other: VersionedDatabase) => T): T => {
    const other = openDatabase(path())
    try {
      return look(other)
    } finally {
      other.close()
    }
  }

  test('every class has all its fields from the start, with values of their types', () => {
    for (const className of db.classNames()) {
      const row = db.get(className, db.create(className, {}))
      assert.deepEqual(Object.keys(row).sort(), Object.keys(classes[className]?.fields ?? {}).sort(), className)
      for (const [field, [type]] of Object.entries(classes[className]?.fields ?? {})) {
        const kind = type.endsWith(' set')
          ? 'array'
          : type.endsWith(' map')
            ? 'object'
            : type === 'bool'
              ? 'boolean'
              : type === 'int' || type === 'float'
                ? 'number'
                : 'string'
        assert.equal(Array.isArray(row[field]) ? 'array' : typeof row[field], kind, `${className}.${field}`)
      }
    }
  })

  test('a mirrored field follows the reference through creation, change and removal', () => {
    const [one, two] = [db.create('VM', {}), db.create('VM', {})]
    const vbd = db.create('VBD', { VM: one })
    assert.deepEqual(db.get('VM', one).VBDs, [vbd])
    db.update('VBD', vbd, { VM: two })
    assert.deepEqual([db.get('VM', one).VBDs, db.get('VM', two).VBDs], [[], [vbd]])
    db.delete('VBD', vbd)
    assert.deepEqual(db.get('VM', two).VBDs, [])
    assert.throws(() => db.update('VM', one, { VBDs: [vbd] }), /mirrors/)
  })

  test('a change of a reference changes the object that mirrors it', () => {
    const vdi = db.create('VDI', {})
    const heard: string[] = []
    db.onChange((className, ref, operation) => heard.push(`${className} ${operation} ${ref === vdi}`))
    const vbd = db.create('VBD', { VDI: vdi })
    db.delete('VBD', vbd)
    assert.deepEqual(heard, ['VBD add false', 'VDI mod true', 'VBD del false', 'VDI mod true'])
  })

  test('a row read stays as it was', () => {
    const vm = db.create('VM', { name_label: 'before', other_config: { a: '1' } })
    const row = db.get('VM', vm)
    db.update('VM', vm, { name_label: 'after', other_config: { b: '2' } })
    assert.deepEqual([row.name_label, row.other_config], ['before', { a: '1' }])
  })

  test('writing what is there already is no change', () => {
    const vm = db.create('VM', { other_config: { a: '1', b: '2' }, tags: ['x'] })
    const before = db.generation
    db.update('VM', vm, { other_config: { b: '2', a: '1' }, tags: ['x'] })
    assert.equal(db.generation, before)
    db.update('VM', vm, { tags: ['x', 'y'] })
    assert.ok(db.generation > before)
  })

  test('dead references and unknown fields are refused', () => {
    for (const act of [() => db.get('VM', NULL), () => db.update('VM', 'x', {}), () => db.delete('VM', ''), () => db.touch('VM', 'x')]) {
      assert.throws(act, (error) => error instanceof XapiFailure && error.code === 'HANDLE_INVALID' && error.params[0] === 'VM')
    }
    assert.throws(() => db.create('VM', { no_such_field: 1 }), /no field/)
  })

  test('a derived field is computed when looked at, from the state of that time, and never stored', () => {
    let calls = 0
    db.derive('VM', 'allowed_operations', (_ref, row) => {
      calls += 1
      return row.power_state === 'Halted' ? ['start'] : ['hard_shutdown']
    })
    const vm = db.create('VM', {})
    assert.equal(db.get('VM', vm).power_state, 'Halted')
    assert.equal(calls, 0)
    assert.deepEqual(db.get('VM', vm).allowed_operations, ['start'])
    db.update('VM', vm, { power_state: 'Running' })
    assert.deepEqual({ ...db.get('VM', vm) }.allowed_operations, ['hard_shutdown'])
    db.commit()
    reopened((other) => assert.deepEqual(other.get('VM', vm).allowed_operations, []))
  })

  test('what was committed survives the death of the process, the rest is gone, objects and documents alike', () => {
    const vm = db.create('VM', { name_label: 'kept' }, 'OpaqueRef:kept')
    db.documents.put('node', 'a', { size: 1 })
    db.commit()
    db.update('VM', vm, { name_label: 'lost' })
    db.create('VM', {})
    db.documents.put('node', 'a', { size: 2 })
    db.documents.put('node', 'b', 3)
    reopened((other) => {
      assert.deepEqual(other.refs('VM'), [vm])
      assert.equal(other.get('VM', vm).name_label, 'kept')
      assert.deepEqual(other.documents.entries('node'), [['a', { size: 1 }]])
    })
    db.delete('VM', vm)
    db.documents.remove('node', 'a')
    db.commit()
    reopened((other) => {
      assert.equal(other.refs('VM').length, 1)
      assert.equal(other.find('VM', vm), undefined)
      assert.deepEqual(other.documents.entries('node'), [['b', 3]])
    })
  })

  test('mirrored fields and uuids are there again after a restart', () => {
    const vm = db.create('VM', { uuid: 'the-uuid' })
    const vbd = db.create('VBD', { VM: vm })
    db.commit()
    reopened((other) => {
      assert.deepEqual(other.get('VM', vm).VBDs, [vbd])
      assert.equal(other.byUuid('VM', 'the-uuid'), vm)
    })
  })

  test('sessions and tasks do not outlive the process', () => {
    db.create('session', {})
    db.create('task', {})
    db.commit()
    reopened((other) => assert.deepEqual([other.count('session'), other.count('task')], [0, 0]))
  })

  test('no generation is given out twice, though the process was killed before a commit', () => {
    const task = db.create('task', {})
    for (let i = 0; i < 250_000; i++) db.touch('task', task)
    reopened((other) => {
      other.create('VM', {})
      assert.ok(other.generation > db.generation, `${other.generation} after ${db.generation}`)
    })
  })

  test('versions tell creation from change, and an object keeps them across a restart', () => {
    const vm = db.create('VM', {})
    const { created } = db.version('VM', vm) ?? assert.fail()
    db.touch('VM', vm)
    const version = db.version('VM', vm) ?? assert.fail()
    assert.equal(version.created, created)
    assert.ok(version.modified > created)
    db.commit()
    reopened((other) => assert.deepEqual(other.version('VM', vm), version))
  })

  test('deletions are remembered up to a bound', () => {
    const refs = Array.from({ length: 2000 }, () => db.create('VM', {}))
    for (const ref of refs) db.delete('VM', ref)
    const kept = [...db.deletions('VM')]
    assert.ok(kept.length >= 256 && kept.length <= 511, `${kept.length} kept`)
    assert.equal(kept.at(-1)?.ref, refs.at(-1))
  })
})
