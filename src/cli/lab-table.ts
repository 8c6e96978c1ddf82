import type { Lab } from '../lab/run/open-lab.ts'

/** What a person needs to know of a lab that is ready. */
export function labTable(lab: Lab): string {
  const { pools } = lab.describe()
  const width = Math.max(...pools.flatMap(({ srs, vms }) => [...srs, ...vms].map(({ name }) => name.length)))
  const lines = pools.flatMap((pool) => [
    '',
    `Pool ${pool.name}   ${pool.url}   ${pool.user} / ${pool.password}`,
    `  certificate   ${pool.fingerprint}`,
    `  control       ${pool.control}`,
    `  NBD           ${pool.nbd ? `${pool.nbd.host}:${pool.nbd.port}` : 'none'}`,
    ...(pool.hosts ?? []).map(({ url, name, master }) => `  host          ${url}  ${name}${master ? '  (master)' : ''}`),
    ...pool.srs.map(({ uuid, name }) => `  SR  ${uuid}  ${name}`),
    ...pool.vms.map(
      ({ uuid, name, power_state, disks }) =>
        `  VM  ${uuid}  ${name.padEnd(width)}  ${power_state.padEnd(9)}  ${disks.map(({ size }) => inWords(size)).join(' + ')}`,
    ),
  ])
  const where = lab.temporary ? 'in a temporary folder that goes with it' : `in ${lab.data}`
  return `The lab is ready, ${where}. Ctrl-C stops it.\n${lines.join('\n')}\n\n`
}

function inWords(bytes: number): string {
  const [unit, name] = bytes >= 2 ** 30 ? [2 ** 30, 'GiB'] : [2 ** 20, 'MiB']
  return `${Number((bytes / (unit as number)).toFixed(1))} ${name}`
}
