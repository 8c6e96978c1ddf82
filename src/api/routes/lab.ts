import Type from 'typebox'
import { NO_LAB } from '../../core/control/lab-status.ts'
import { Failure } from '../../core/failure.ts'
import type { LabOperations } from '../../jobs/try-lab/try-lab.ts'
import type { ApiContext } from '../api-context.ts'
import { route } from '../route.ts'
import { closed, failure, nullable } from '../schema/forms.ts'

export const labStatus = closed(
  {
    offered: Type.Boolean({ description: 'whether this server can have one' }),
    state: Type.Enum(['none', 'starting', 'running', 'failed', 'removing']),
    step: nullable(Type.String()),
    pools: Type.Array(Type.String()),
    job: nullable(Type.String()),
    error: nullable(failure),
  },
  { title: 'LabStatus', description: 'simulated pools of the server, to try it with' },
)

const labOf = ({ lab }: ApiContext): LabOperations => {
  if (lab === undefined) throw new Failure('LAB_NOT_OFFERED', 'it was started without one')
  return lab
}

export const labRoutes = [
  route({
    method: 'GET',
    path: '/lab',
    needs: 'viewer',
    summary: 'Shows the lab of the server: simulated pools to try it with',
    reply: labStatus,
    handle: ({ api }) => api.lab?.status() ?? NO_LAB,
  }),
  route({
    method: 'POST',
    path: '/lab',
    needs: 'administrator',
    summary: 'Starts the lab: two simulated pools on the machine of the server, registered, and a job that protects their VMs',
    reply: labStatus,
    status: 202,
    audit: 'lab.start',
    handle: ({ api, actor }) => labOf(api).start(actor),
  }),
  route({
    method: 'DELETE',
    path: '/lab',
    needs: 'administrator',
    summary: 'Removes the lab: its jobs, its pools, and what it stored',
    reply: labStatus,
    status: 202,
    audit: 'lab.remove',
    handle: ({ api, actor }) => labOf(api).remove(actor),
  }),
  route({
    method: 'POST',
    path: '/lab/guest-writes',
    needs: 'operator',
    summary: "Lets the guests of the lab's VMs write, so that the next run has something to send",
    reply: closed({ bytes: Type.Number() }, { title: 'GuestWrites' }),
    audit: 'lab.write',
    handle: async ({ api }) => ({ bytes: await labOf(api).write() }),
  }),
]
