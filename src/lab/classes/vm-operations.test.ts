import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { enums } from '../../xapi/model.ts'
import {
  allowedOperations,
  allowedPowerStates,
  isAllowedConcurrently,
  operationError,
  type PowerState,
  type VmFacts,
} from './vm-operations.ts'

const VM = 'OpaqueRef:vm'

function vm(facts: Partial<VmFacts> = {}): VmFacts {
  return {
    ref: VM,
    powerState: 'Halted',
    isTemplate: false,
    isDefaultTemplate: false,
    isSnapshot: false,
    isControlDomain: false,
    isDomainZero: false,
    blocked: {},
    current: {},
    hasDrivers: false,
    features: {},
    noMigrate: false,
    nestedVirt: false,
    resetDisk: false,
    appliance: undefined,
    vtpms: 0,
    isSystemDomain: false,
    ...facts,
  }
}

const refused = (facts: Partial<VmFacts>, operation: string, strict = true) => operationError(vm(facts), operation, strict)

describe('power states', () => {
  // Operation: states it is allowed from, as they stand in VM_BAD_POWER_STATE.
  const table: readonly [operations: string, states: string][] = [
    ['start start_on provision make_into_template changing_NVRAM create_vtpm', 'halted'],
    ['clean_shutdown clean_reboot suspend pause pool_migrate', 'running'],
    ['hard_reboot', 'paused, running'],
    ['hard_shutdown shutdown checkpoint', 'paused, suspended, running'],
    ['unpause', 'paused'],
    ['resume resume_on', 'suspended'],
    ['export destroy', 'halted, suspended'],
    ['migrate_send', 'halted, suspended, running'],
    ['changing_dynamic_range', 'halted, running'],
    ['clone copy', 'halted'],
  ]
  const ALL: readonly PowerState[] = ['Halted', 'Paused', 'Suspended', 'Running']

  for (const [operations, states] of table) {
    for (const operation of operations.split(' ')) {
      it(`${operation} is refused outside of ${states}, and says so`, () => {
        for (const powerState of ALL) {
          const error = refused({ powerState, hasDrivers: true, isTemplate: operation === 'provision' }, operation)
          if (states.split(', ').includes(powerState.toLowerCase())) assert.notEqual(error?.[0], 'VM_BAD_POWER_STATE')
          else assert.deepEqual(error, ['VM_BAD_POWER_STATE', VM, states, powerState.toLowerCase()])
        }
      })
    }
  }

  it('snapshot, revert and metadata_export are allowed in every state', () => {
    for (const operation of ['snapshot', 'revert', 'metadata_export', 'power_state_reset']) {
      assert.deepEqual(allowedPowerStates({ isSnapshot: false, isControlDomain: false }, operation), ALL)
    }
  })

  it('a suspended snapshot can be cloned, a suspended VM can not', () => {
    assert.equal(refused({ isSnapshot: true, powerState: 'Suspended' }, 'clone'), undefined)
    assert.deepEqual(refused({ powerState: 'Suspended' }, 'clone'), ['VM_BAD_POWER_STATE', VM, 'halted', 'suspended'])
  })
})

describe('blocked operations', () => {
  it('a key blocks exactly the operation it names', () => {
    for (const blocked of enums.vm_operations as readonly string[]) {
      for (const operation of ['start', 'start_on', 'clone', 'export', 'destroy', 'snapshot', 'revert', 'copy']) {
        const error = refused({ blocked: { [blocked]: 'why' } }, operation)
        assert.equal(error?.[0] === 'OPERATION_BLOCKED', blocked === operation, `${blocked} and ${operation}`)
      }
    }
  })

  it('the reason comes back as it was given, empty too, before anything else is looked at', () => {
    assert.deepEqual(refused({ blocked: { start: '' }, powerState: 'Running' }, 'start'), ['OPERATION_BLOCKED', VM, ''])
    assert.deepEqual(refused({ blocked: { start: 'x' }, isSnapshot: true }, 'start', false), ['OPERATION_BLOCKED', VM, 'x'])
  })

  it('what is blocked is not among the allowed operations', () => {
    const allowed = allowedOperations(vm({ blocked: { start: 'no' } }))
    assert.ok(!allowed.includes('start'))
    assert.ok(allowed.includes('start_on'))
  })
})

describe('operations at the same time', () => {
  // Under way, wanted, whether it may begin.
  const table: readonly [current: string, operation: string, allowed: boolean][] = [
    ['snapshot', 'snapshot', true],
    ['snapshot', 'checkpoint', true],
    ['snapshot', 'start', false],
    ['clone', 'copy', true],
    ['clone export', 'copy', true],
    ['clone', 'snapshot', false],
    ['start', 'hard_shutdown', true],
    ['hard_shutdown', 'hard_shutdown', false],
    ['hard_shutdown', 'hard_reboot', false],
    ['clean_shutdown', 'hard_reboot', true],
    ['migrate_send', 'metadata_export', true],
    ['migrate_send', 'clean_shutdown', true],
    ['migrate_send snapshot', 'clean_shutdown', false],
    ['reverting', 'hard_shutdown', true],
    ['reverting', 'revert', false],
    ['export', 'destroy', false],
  ]
  for (const [current, operation, allowed] of table) {
    it(`${operation} ${allowed ? 'may begin' : 'waits'} during ${current}`, () => {
      assert.equal(isAllowedConcurrently(operation, current.split(' ')), allowed)
    })
  }

  it('the error names the operation and its task, several in braces', () => {
    assert.deepEqual(refused({ current: { task1: 'export' } }, 'start'), ['OTHER_OPERATION_IN_PROGRESS', 'VM', VM, 'export', 'task1'])
    assert.deepEqual(refused({ current: { task1: 'clone', task2: 'export' } }, 'start'), [
      'OTHER_OPERATION_IN_PROGRESS',
      'VM',
      VM,
      '{clone,export}',
      '{task1,task2}',
    ])
  })
})

describe('templates and snapshots', () => {
  it('a template can be cloned, exported and destroyed but not run', () => {
    assert.deepEqual(refused({ isTemplate: true }, 'start'), ['VM_IS_TEMPLATE', VM, 'start'])
    for (const operation of ['clone', 'copy', 'export', 'provision', 'destroy'])
      assert.equal(refused({ isTemplate: true }, operation), undefined)
  })

  it('a default template can not be destroyed', () => {
    assert.deepEqual(refused({ isTemplate: true, isDefaultTemplate: true }, 'destroy'), ['VM_IS_TEMPLATE', VM, 'destroy'])
  })

  it('a snapshot stays one whether or not it is a template', () => {
    for (const isTemplate of [true, false]) {
      assert.deepEqual(refused({ isSnapshot: true, isTemplate }, 'start'), ['VM_IS_SNAPSHOT', VM, 'start'])
      assert.deepEqual(refused({ isSnapshot: true, isTemplate }, 'snapshot'), ['VM_IS_SNAPSHOT', VM, 'snapshot'])
      assert.equal(refused({ isSnapshot: true, isTemplate }, 'revert'), undefined)
    }
  })
})

describe('guests without tools', () => {
  const running = { powerState: 'Running' } as const
  for (const operation of ['clean_shutdown', 'clean_reboot', 'suspend', 'checkpoint', 'migrate_send']) {
    it(`${operation} needs them`, () => {
      assert.deepEqual(refused(running, operation), ['VM_LACKS_FEATURE', VM])
      assert.equal(refused({ ...running, hasDrivers: true }, operation), undefined)
    })
  }

  it('announcing the feature is enough', () => {
    assert.equal(refused({ ...running, features: { 'feature-suspend': '1' } }, 'suspend'), undefined)
    assert.equal(refused({ ...running, features: { 'feature-shutdown': '1' } }, 'clean_shutdown'), undefined)
  })

  it('a guest that says why it can not be suspended is not, drivers or not', () => {
    const features = { 'data-cant-suspend-reason': 'busy' }
    assert.deepEqual(refused({ ...running, hasDrivers: true, features }, 'suspend'), ['VM_NON_SUSPENDABLE', VM, 'busy'])
  })
})

describe('allowed operations', () => {
  // Of the operations that the recordings of XAPI 26.1 look at.
  const recorded = new Set(
    'start start_on clone copy snapshot export destroy revert make_into_template provision hard_shutdown clean_shutdown hard_reboot clean_reboot suspend resume checkpoint metadata_export shutdown migrate_send unpause'.split(
      ' ',
    ),
  )
  const table: readonly [what: string, facts: Partial<VmFacts>, expected: string][] = [
    ['a halted VM', {}, 'clone copy destroy export make_into_template metadata_export migrate_send snapshot start start_on'],
    ['a template', { isTemplate: true }, 'clone copy destroy export metadata_export migrate_send provision'],
    ['a snapshot', { isTemplate: true, isSnapshot: true }, 'clone copy destroy export metadata_export revert'],
    ['a running VM without tools', { powerState: 'Running' }, 'hard_reboot hard_shutdown metadata_export snapshot'],
    [
      'a running VM with tools',
      { powerState: 'Running', hasDrivers: true },
      'checkpoint clean_reboot clean_shutdown hard_reboot hard_shutdown metadata_export migrate_send snapshot suspend',
    ],
  ]
  for (const [what, facts, expected] of table) {
    it(`of ${what} are those that XAPI gives`, () => {
      const got = allowedOperations(vm(facts)).filter((operation) => recorded.has(operation))
      assert.deepEqual(got.sort(), expected.split(' '))
    })
  }
})
