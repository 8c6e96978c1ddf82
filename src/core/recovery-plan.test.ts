import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatRecoveryReport, parseRecoveryPlan } from './recovery-plan.ts'

const VM = '11111111-1111-4111-8111-111111111111'
const SR = '22222222-2222-4222-8222-222222222222'
const plan = (more: object = {}, vm: object = {}) =>
  JSON.stringify({ name: 'site', groups: [{ vms: [{ vm: VM, sr: SR, ...vm }] }], ...more })

test('a plan is read with what it leaves out: tools within 300 seconds, stop on failure', () => {
  const read = parseRecoveryPlan(plan())
  assert.ok('plan' in read)
  assert.equal(read.plan.onFailure, 'stop')
  assert.deepEqual(read.plan.groups[0]?.vms[0], { vm: VM, sr: SR, job: undefined, checks: [{ kind: 'tools' }], timeoutMs: 300_000 })
})

for (const [what, text, problem] of [
  ['no JSON', '{', /no JSON/],
  ['an unknown field', plan({ onfailure: 'stop' }), /"onfailure"/],
  ['a check that is none', plan({}, { ready: ['ping'] }), /groups\[0\].vms\[0\].ready.*ping/],
  ['a uuid that is none', plan({}, { sr: 'x' }), /groups\[0\].vms\[0\].sr/],
  [
    'a VM twice',
    JSON.stringify({
      name: 'site',
      groups: [
        {
          vms: [
            { vm: VM, sr: SR },
            { vm: VM, sr: SR },
          ],
        },
      ],
    }),
    /vms\[1\].vm is in the plan already/,
  ],
  ['no groups', JSON.stringify({ name: 'site', groups: [] }), /groups/],
] as const) {
  test(`a plan with ${what} is refused, and the place is named`, () => {
    const read = parseRecoveryPlan(text)
    assert.ok('problem' in read)
    assert.match(read.problem, problem)
  })
}

test('the report for people has every VM, what proves it, and the timeline', () => {
  const at = '2026-01-01T00:00:00.000Z'
  const evidence = [{ check: 'tools', ok: true, seconds: 1, text: 'they | report' }]
  const vm = {
    group: 'db',
    vm: VM,
    outcome: 'up',
    name: 'db',
    runs: SR,
    point: { uuid: SR, takenAt: at },
    lossSeconds: 60,
    seconds: 12,
    evidence,
    text: 'up',
  } as const
  const entry = { at, group: 'db', vm: VM, what: 'up', text: 'up' } as const
  const report = {
    kind: 'recovery',
    id: SR,
    plan: 'site',
    mode: 'test',
    startedAt: at,
    endedAt: at,
    seconds: 12,
    ok: true,
    vms: [vm],
    timeline: [entry],
    removed: true,
  } as const
  const text = formatRecoveryReport(report)
  assert.match(text, /\| db \| db \(1111.*\| up \| 12\.0 s \| 2026.* \| 60 s \| tools: yes, they \\\| report \|/)
  assert.match(text, /## Timeline\n\n- 2026.* db 1111/)
})
