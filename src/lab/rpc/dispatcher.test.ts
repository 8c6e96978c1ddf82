import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type BarePool, barePool, failsWith } from '../../../test/support/bare-pool.ts'
import { openDatabase } from '../database/database.ts'
import { type Call, XapiFailure } from '../pool.ts'

const BAD = 'OpaqueRef:00000000-0000-4000-8000-000000000bad'

describe('dispatcher', () => {
  let bare: BarePool
  let vm: string
  const calls: { call: Call; params: unknown[] }[] = []
  before(async () => {
    bare = await barePool({
      'VM.snapshot': (call, ...params) => {
        calls.push({ call, params })
        return 'OpaqueRef:made'
      },
      'VM.start': ({ pool }, ref) => {
        pool.db.update('VM', ref, { name_description: 'touched before it failed' })
        throw new XapiFailure('VM_BAD_POWER_STATE', [ref])
      },
    })
    vm = bare.db.create('VM', { name_label: 'a', other_config: { a: '1' }, tags: ['x'] })
  })
  after(() => bare.close())
  const refused = (run: Promise<unknown>, code: string, ...params: string[]) => assert.rejects(run, failsWith(code, ...params))
  const raw = (name: string, ...params: unknown[]) => bare.dispatcher.dispatch(name, params)

  test('names are exact; the second wire name has an underscore; neither form mixes with Async', async () => {
    assert.equal(await bare.call('VM.get_name_label', vm), 'a')
    assert.equal(await bare.call('VM_get_name_label', vm), 'a')
    await refused(raw('vm.get_name_label', bare.session, vm), 'MESSAGE_METHOD_UNKNOWN', 'vm.get_name_label')
    await refused(raw('Async.VM.no_such', bare.session), 'MESSAGE_METHOD_UNKNOWN', 'VM.no_such')
    await refused(raw('Async_VM_snapshot', bare.session), 'MESSAGE_METHOD_UNKNOWN', 'Async_VM_snapshot')
    await refused(raw('Async.VM_snapshot', bare.session, vm, 's'), 'Fault')
    await refused(raw('Async.VM.get_name_label', bare.session, vm), 'Fault')
    await refused(raw('Async.event.from', bare.session, [], '', 0), 'Fault')
    for (const name of ['constructor', '__proto__', 'VM.constructor', 'VM.__proto__', 'toString.call', ''])
      await refused(raw(name), 'MESSAGE_METHOD_UNKNOWN')
  })

  test('parameters are counted without the session, and those without default are due', async () => {
    await refused(raw('VM.get_name_label'), 'MESSAGE_PARAMETER_COUNT_MISMATCH', 'VM.get_name_label', '1', '-1')
    await refused(raw('VM.get_name_label', bare.session), 'MESSAGE_PARAMETER_COUNT_MISMATCH', 'VM.get_name_label', '1', '0')
    await refused(raw('VM.get_name_label', bare.session, vm, 'x'), 'MESSAGE_PARAMETER_COUNT_MISMATCH', 'VM.get_name_label', '1', '2')
    await refused(raw('session.login_with_password', 'root'), 'MESSAGE_PARAMETER_COUNT_MISMATCH', 'session.login_with_password', '2', '1')
  })

  test('trailing parameters with defaults may be left out, and arrive as undefined', async () => {
    calls.length = 0
    await bare.call('VM.snapshot', vm, 's')
    await bare.call('VM.snapshot', vm, 's', ['OpaqueRef:x'])
    assert.deepEqual(
      calls.map(({ params }) => params),
      [
        [vm, 's'],
        [vm, 's', ['OpaqueRef:x']],
      ],
    )
  })

  test('the call is wrong before the session is, and the session before the object', async () => {
    await refused(raw('VM.get_name_label', BAD), 'MESSAGE_PARAMETER_COUNT_MISMATCH')
    await refused(raw('VM.get_name_label', 5, vm), 'INTERNAL_ERROR')
    await refused(raw('VM.get_name_label', BAD, BAD), 'SESSION_INVALID', BAD)
    await refused(bare.call('VM.get_name_label', BAD), 'HANDLE_INVALID', 'VM', BAD)
    await refused(raw('Async.VM.snapshot', BAD, vm, 's'), 'SESSION_INVALID', BAD)
  })

  test('a message that the model has and nobody implements says so', async () => {
    await refused(bare.call('VM.assert_can_migrate', vm, {}, true, {}, {}, {}), 'NOT_IMPLEMENTED', 'VM.assert_can_migrate')
    assert.ok(!(await raw('system.listMethods')).value.toString().split(',').includes('VM.assert_can_migrate'))
  })

  test('maps and sets are edited as XAPI edits them', async () => {
    await bare.call('VM.add_to_other_config', vm, 'b', '2')
    await refused(bare.call('VM.add_to_other_config', vm, 'b', '2'), 'MAP_DUPLICATE_KEY', 'VM', 'other_config', vm, 'b')
    await refused(bare.call('VM.add_to_other_config', vm, '', '2'), 'INTERNAL_ERROR')
    await bare.call('VM.remove_from_other_config', vm, 'a')
    await bare.call('VM.remove_from_other_config', vm, 'not there')
    assert.deepEqual(await bare.call('VM.get_other_config', vm), { b: '2' })
    await bare.call('VM.add_tags', vm, 'x')
    await bare.call('VM.add_tags', vm, 'y')
    await bare.call('VM.remove_tags', vm, 'x')
    assert.deepEqual(await bare.call('VM.get_tags', vm), ['y'])
    await bare.call('VM.set_tags', vm, ['p', 'p'])
    assert.deepEqual(await bare.call('VM.get_tags', vm), ['p', 'p'])
  })

  test('keys that mean something to JavaScript are keys like others', async () => {
    for (const key of ['__proto__', 'constructor', 'toString']) {
      await bare.call('VM.add_to_other_config', vm, key, 'v')
      await refused(bare.call('VM.add_to_other_config', vm, key, 'v'), 'MAP_DUPLICATE_KEY')
      const map = (await bare.call('VM.get_other_config', vm)) as Record<string, string>
      assert.equal(Object.getOwnPropertyDescriptor(map, key)?.value, 'v', key)
      await bare.call('VM.remove_from_other_config', vm, key)
      assert.ok(!Object.hasOwn((await bare.call('VM.get_other_config', vm)) as object, key), key)
    }
  })

  test('text that XML can not hold is cut where it starts', async () => {
    await bare.call('VM.set_name_label', vm, 'good\u0001bad')
    assert.equal(await bare.call('VM.get_name_label', vm), 'good')
    await bare.call('VM.set_name_label', vm, '漢😀\t\n')
    assert.equal(await bare.call('VM.get_name_label', vm), '漢😀\t\n')
  })

  test('objects are found by uuid and by name', async () => {
    const uuid = bare.db.get('VM', vm).uuid as string
    assert.equal(await bare.call('VM.get_by_uuid', uuid), vm)
    await refused(bare.call('VM.get_by_uuid', 'nope'), 'UUID_INVALID', 'VM', 'nope')
    const twin = bare.db.create('VM', { name_label: 'twins' })
    const other = bare.db.create('VM', { name_label: 'twins' })
    assert.deepEqual(((await bare.call('VM.get_by_name_label', 'twins')) as string[]).sort(), [twin, other].sort())
    const where = (await bare.call('VM.get_all_records_where', 'field "name__label"="twins"')) as object
    assert.deepEqual(Object.keys(where).sort(), [twin, other].sort())
  })

  test('what a call changed is kept when it is answered, also by one that failed', async () => {
    await refused(bare.call('VM.start', vm, false, false), 'VM_BAD_POWER_STATE', vm)
    const other = openDatabase(`${bare.pool.folder}/pool.sqlite`)
    try {
      assert.equal(other.get('VM', vm).name_description, 'touched before it failed')
    } finally {
      other.close()
    }
  })
})
