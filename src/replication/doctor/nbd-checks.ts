/** Reading over NBD: offered, reachable, the right certificate, the right bytes, several connections. */
import { connectNbd } from '../../nbd/connect.ts'
import type { NbdConnection } from '../../nbd/connection.ts'
import { NbdError } from '../../nbd/nbd-error.ts'
import type { NbdServer } from '../../nbd/pool.ts'
import { whenDetached } from '../destroy.ts'
import { type Bench, taken, xapiOf } from './bench.ts'
import { type Check, lacking, ok, reserve, wrong } from './check.ts'
import { firstDifference, listed, MIB, readNbd } from './scratch-disk.ts'

/** The most that a run opens for one disk, of the 16 that a host grants to everybody. */
const CONNECTIONS = 4

const COSTS =
  'deltas and first copies are read by exports: all of the export, and whole blocks of 2 MiB; the snapshot of each run keeps its data'

const servers = (bench: Bench, signal: AbortSignal) =>
  xapiOf(bench).call<NbdServer[]>('VDI.get_nbd_info', [(bench.top ?? taken(bench.scratch)).ref], { signal })

export const nbdOffered: Check = {
  id: 'nbd-offered',
  title: 'NBD offered',
  needs: ['write'],
  costs: COSTS,
  mend: 'give a network of the hosts the purpose nbd: xe network-param-add param-name=purpose param-key=nbd uuid=…',
  dispensable: true,
  async run(bench, signal) {
    const networks = [...(await xapiOf(bench).records('network', { signal })).values()]
    const clear = networks.filter(({ purpose }) => purpose.includes('insecure_nbd'))
    const secure = networks.filter(({ purpose }) => purpose.includes('nbd'))
    if (clear.length > 0) {
      const mend = 'take the purpose insecure_nbd from them and give one the purpose nbd: Understudy reads over TLS only'
      return lacking(
        nbdOffered,
        `networks with the purpose insecure_nbd: ${listed(clear.map(({ name_label: name }) => `"${name}"`))}`,
        mend,
      )
    }
    if (secure.length === 0) return lacking(nbdOffered, 'no network has the purpose nbd')
    const offered = await servers(bench, signal)
    const names = listed(secure.map(({ name_label: name }) => `"${name}"`))
    if (offered.length === 0) return lacking(nbdOffered, `network ${names} has the purpose nbd, but no host has an address on it`)
    return ok(`on ${names}, ${offered.length === 1 ? 'one address' : `${offered.length} addresses`}`)
  },
}

export const nbdReachable: Check = {
  id: 'nbd-reachable',
  title: 'NBD reachable, certificate right',
  needs: ['nbd-offered'],
  costs: COSTS,
  mend: 'let this machine reach port 10809 of the hosts on the network of the purpose nbd',
  dispensable: true,
  async run(bench, signal) {
    const disk = bench.top ?? taken(bench.scratch)
    const xapi = xapiOf(bench)
    const reached: string[] = []
    const problems: string[] = []
    for (const server of await servers(bench, signal)) {
      try {
        const connection = await whenDetached(xapi, disk.ref, signal, () => open(server, signal))
        const { size } = connection
        await connection.close()
        if (size === disk.size) reached.push(`${server.address}:${server.port}`)
        else problems.push(`${server.address}:${server.port} serves ${size} bytes instead of ${disk.size}`)
      } catch (error) {
        signal.throwIfAborted()
        if (!(error instanceof NbdError)) throw error
        problems.push(error.message)
      }
    }
    if (reached.length === 0) return lacking(nbdReachable, listed(problems))
    if (problems.length > 0) {
      const costs = 'those that can’t be reached are tried first in some runs, which takes up to 10 s each'
      return reserve(`${listed(reached)}; but ${listed(problems)}`, costs, nbdReachable.mend)
    }
    return ok(listed(reached))
  },
}

const open = (server: NbdServer, signal: AbortSignal): Promise<NbdConnection> =>
  connectNbd({
    host: server.address,
    port: server.port,
    exportName: server.exportname,
    tls: { certificate: server.cert, servername: server.subject },
    signal,
  })

export const nbdRead: Check = {
  id: 'nbd-read',
  title: 'NBD reads what was written',
  needs: ['nbd-reachable'],
  costs: COSTS,
  mend: 'look at the log of the host (/var/log/xensource.log) for xapi-nbd',
  dispensable: true,
  async run(bench, signal) {
    const disk = bench.top ?? taken(bench.scratch)
    const at = firstDifference(disk.content, await readNbd(bench, disk.ref, disk.size, signal))
    if (at !== undefined) return wrong(nbdRead, `differs from what was written, from byte ${at} on`)
    bench.nbdUsable = true
    return ok(`${disk.size / MIB} MiB, equal`)
  },
}

export const nbdConnections: Check = {
  id: 'nbd-connections',
  title: 'NBD connections at once',
  needs: ['nbd-read'],
  costs: 'large disks are read more slowly over long lines',
  mend: 'see who else reads over NBD (a host grants 16 connections to all), and start jobs at different times',
  dispensable: true,
  async run(bench, signal) {
    const { ref } = bench.top ?? taken(bench.scratch)
    const opened: NbdConnection[] = []
    const xapi = xapiOf(bench)
    let refused = ''
    try {
      const [server] = await servers(bench, signal)
      // One after the other: opened at once, a host fails some with VDI_IN_USE.
      while (opened.length < CONNECTIONS) {
        opened.push(await whenDetached(xapi, ref, signal, () => open(taken(server), signal)))
      }
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof NbdError)) throw error
      refused = error.message
    } finally {
      await Promise.all(opened.map((connection) => connection.close()))
    }
    const figures = { nbdConnections: opened.length }
    if (opened.length === CONNECTIONS) return ok(`${CONNECTIONS}, all that a run uses for one disk`, figures)
    return reserve(`${opened.length} of ${CONNECTIONS}, then ${refused}`, nbdConnections.costs, nbdConnections.mend, figures)
  },
}
