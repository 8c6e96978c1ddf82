/** Clones to work on, test failovers, and cleaning up after those. */

import { macClashes } from '../../core/failover/copy-networks.ts'
import type { CopyMark } from '../../core/failover/marks.ts'
import { removeTests } from '../../replication/failover/cleanup.ts'
import { cloneToWorkOn, prepareCopy } from '../../replication/failover/clone.ts'
import { isRemovable, removeLeftOvers, surveyFailovers } from '../../replication/failover/survey.ts'
import { testFailover } from '../../replication/failover/test-failover.ts'
import { knownChain, subjectOf } from './find-chain.ts'
import {
  actingOptions,
  interfacesOf,
  lookingOptions,
  networksOf,
  type Prepare,
  plainReport,
  previewOf,
  readinessOf,
  testClaim,
  wantedPoint,
} from './parts.ts'

const TOOLS = { checks: ['tools'], timeoutSeconds: 300 }

export const prepareClone: Prepare<'clone'> = async (parts, request, signal) => {
  const { target, macs = 'new', name, memory = false } = request
  const chain = knownChain(parts, request)
  const wishes = {
    wanted: wantedPoint(request),
    ...networksOf(request.networks, 'none'),
    macs,
    memory,
    ...(name === undefined ? {} : { name }),
  }
  const { plan, view } = await parts.pools.withPool(target.pool, signal, (xapi) =>
    prepareCopy(lookingOptions(xapi, signal), wishes, 'clone'),
  )
  return {
    preview: previewOf({
      kind: 'clone',
      title: `A clone of "${chain.vm.name}" to work on, "${plan.name}"`,
      confirm: null,
      point: plan.point,
      happens: [
        {
          code: 'clone-made',
          text: `a clone of the restore point of ${plan.point.takenAt} is made, ${memory ? 'suspended with its memory' : 'halted'}; it is yours to start, change and delete`,
        },
      ],
      costs: [{ code: 'space-of-clones', text: 'what is written to the clone takes space on the target storage' }],
      warnings: macClashes(plan.vifs),
      interfaces: interfacesOf(view, plan.vifs),
    }),
    subject: subjectOf(chain),
    claims: [],
    reserves: [],
    impatient: false,
    work: (context) =>
      parts.pools.withPool(target.pool, context.signal, async (xapi) => {
        const options = actingOptions(parts, xapi, context)
        const report = await cloneToWorkOn(options, await prepareCopy(options, wishes, 'clone'))
        const { uuid, takenAt } = report.plan.point
        return {
          result: { kind: 'clone', vm: report.vm, point: { uuid, takenAt }, seconds: report.seconds },
          report: plainReport(report),
        }
      }),
  }
}

export const prepareTest: Prepare<'test-failover'> = async (parts, request, signal) => {
  const { target, macs = 'safe', keep = false } = request
  const chain = knownChain(parts, request)
  const readiness = readinessOf(request.ready ?? TOOLS)
  const wishes = { wanted: wantedPoint(request), ...networksOf(request.networks, 'isolated'), macs }
  const { plan, view, start } = await parts.pools.withPool(target.pool, signal, (xapi) =>
    prepareCopy(lookingOptions(xapi, signal), wishes, 'test failover'),
  )
  const checks = (request.ready ?? TOOLS).checks.join(', ')
  return {
    preview: previewOf({
      kind: 'test-failover',
      title: `A test failover of "${chain.vm.name}"`,
      confirm: null,
      point: plan.point,
      lossSeconds: Math.max(0, (Date.now() - start.point.takenAt) / 1000),
      happens: [
        {
          code: 'clone-started',
          text: `a clone of the restore point of ${plan.point.takenAt} is made and started; the replica does not notice`,
        },
        { code: 'watched', text: `it is watched until it is up (${checks}), for ${readiness.timeoutMs / 1000} s at most` },
        keep
          ? { code: 'kept', text: 'it stays, running, until it is cleaned up' }
          : { code: 'removed', text: 'then everything that was made is removed' },
      ],
      costs: [{ code: 'space-of-clones', text: 'memory on a host, and the space of what the clone writes, while it is there' }],
      warnings: macClashes(plan.vifs),
      interfaces: interfacesOf(view, plan.vifs),
    }),
    subject: subjectOf(chain),
    claims: [testClaim(request.vm, target)],
    reserves: [],
    impatient: false,
    work: (context) =>
      parts.pools.withPool(target.pool, context.signal, async (xapi) => {
        const options = actingOptions(parts, xapi, context)
        const prepared = await prepareCopy(options, wishes, 'test failover')
        const report = await testFailover(options, prepared, { readiness, keep })
        for (const { text } of report.warnings) context.log('warning', text)
        const { clone, start: started, ready, total } = report.seconds
        const { outcome, vm, lossSeconds, removed, evidence, addresses, warnings } = report
        return {
          result: {
            kind: 'test-failover',
            outcome,
            vm: vm ?? null,
            point: { uuid: report.plan.point.uuid, takenAt: report.plan.point.takenAt },
            rtoSeconds: total,
            seconds: { clone, start: started, ready },
            lossSeconds,
            removed,
            evidence,
            addresses,
            warnings,
          },
          report: plainReport(report),
        }
      }),
  }
}

export const prepareCleanUp: Prepare<'clean-up'> = async (parts, { pool, test, vm }, signal) => {
  const wanted = (mark: CopyMark) =>
    (test === undefined || mark.id === test) && (vm === undefined || mark.vm === vm) && !parts.isUnderWay(mark.id)
  const { tests: found, leftOvers } = await parts.pools.withPool(pool, signal, (xapi) => surveyFailovers({ target: xapi, signal }))
  const all = test === undefined && vm === undefined
  const left = all ? leftOvers.filter((each) => isRemovable(each, parts.isUnderWay)) : []
  const gone = found.filter(({ mark }) => wanted(mark))
  const busy = found.filter(({ mark }) => parts.isUnderWay(mark.id))
  const name = parts.pools.statuses().find(({ id }) => id === pool)?.name ?? pool
  const named = gone.length === 1 ? gone[0]?.record.name_label : undefined
  return {
    preview: previewOf({
      kind: 'clean-up',
      title:
        named === undefined || left.length > 0
          ? `Removing what tests and broken-off failovers left on pool "${name}": ${gone.length + left.length} objects`
          : `Removing "${named}" from pool "${name}"`,
      confirm: null,
      happens: [
        ...gone.map(({ record, mark }) => ({
          code: 'test-removed',
          text: `"${record.name_label}" (${record.power_state.toLowerCase()}, of ${mark.at || 'a test that was cut short'}) is stopped and destroyed with its disks`,
        })),
        ...left.map(({ name: label, kind }) => ({
          code: 'left-over-removed',
          text: `the ${kind} "${label}", of something that ended early, is destroyed`,
        })),
      ],
      lost: gone.length === 0 ? [] : [{ code: 'test-writes', text: 'what was written inside these VMs' }],
      warnings: busy.map(({ record }) => ({ code: 'test-under-way', text: `"${record.name_label}" stays: its test goes on` })),
    }),
    subject: { job: null, jobName: null, sourcePool: null, vm: null, target: { pool, sr: '' }, plan: null, seed: null },
    claims: [`clean-up ${pool}`],
    reserves: [],
    impatient: false,
    work: (context) =>
      parts.pools.withPool(pool, context.signal, async (xapi) => {
        context.step('remove', 'removing what tests left')
        const { vms, networks } = await removeTests({ target: xapi, signal: context.signal }, wanted)
        const options = { target: xapi, signal: context.signal }
        const removed = all ? await removeLeftOvers(options, parts.isUnderWay) : []
        for (const each of removed) context.log('info', `removed "${each}", of something that ended early`)
        return { result: { kind: 'clean-up', vms: [...vms, ...removed], networks }, report: { vms, networks, leftOvers: removed } }
      }),
  }
}
