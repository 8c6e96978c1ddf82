import { type HostPlace, hostsOf, type PoolHosts } from '../hosts/pool-hosts.ts'
import type { ControlRoutes } from './control-server.ts'
import { type ControlledPool, runningPool } from './controlled-pool.ts'
import { ControlError, type Fields } from './request-fields.ts'

/** The pool's hosts as machines: taking one away, bringing it back, another master. */
export function hostRoutes(controlled: ControlledPool): ControlRoutes {
  const hosts = (): PoolHosts => {
    const found = hostsOf(runningPool(controlled))
    if (!found) throw new ControlError(409, 'this pool has no servers')
    return found
  }
  const named = (uuid: string): HostPlace => {
    const found = hosts()
      .list()
      .find((host) => host.uuid === uuid)
    if (!found) throw new ControlError(404, `there is no host ${uuid}`)
    return found
  }
  const change = async (fields: Fields, uuid: string, work: (host: HostPlace) => Promise<void>) => {
    const host = named(uuid)
    fields.done()
    await work(host)
    return { host: described(named(uuid)) }
  }
  return {
    'GET /hosts': {
      what: 'the hosts: {hosts: [{uuid, name, address, url, fingerprint, nbd, master, state}]}',
      answer: () => ({ hosts: hosts().list().map(described) }),
    },
    'POST /hosts/UUID/stop': {
      what: 'a host goes away: {clean: false}; by a power cut, or clean: shut down, guests and all',
      answer: ({ fields, uuid }) => {
        const clean = fields.flag('clean', false)
        return change(fields, uuid as string, ({ ref }) => hosts().stop(ref, { clean }))
      },
    },
    'POST /hosts/UUID/start': {
      what: 'it boots',
      answer: ({ fields, uuid }) => change(fields, uuid as string, ({ ref }) => hosts().start(ref)),
    },
    'POST /hosts/UUID/reboot': {
      what: 'both: {clean: false}',
      answer: ({ fields, uuid }) => {
        const clean = fields.flag('clean', false)
        return change(fields, uuid as string, async ({ ref }) => {
          await hosts().stop(ref, { clean })
          await hosts().start(ref)
        })
      },
    },
    'POST /pool/designate_new_master': {
      what: 'another master, whatever became of the old one: {host: uuid}. Sessions and tasks are gone',
      answer: ({ fields }) => change(fields, fields.text('host'), ({ ref }) => hosts().becomeMaster(ref)),
    },
  }
}

function described({ uuid, name, address, url, certificate, nbd, master, state }: HostPlace) {
  return { uuid, name, address, url, fingerprint: certificate.fingerprint, nbd: nbd ?? null, master, state }
}
