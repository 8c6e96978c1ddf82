import type { DiskFiller } from '../content/disk-content.ts'
import { makeVm, type NewVm } from '../content/make-vm.ts'
import type { LabPool, Refstring } from '../pool.ts'

const MiB = 2 ** 20
const GiB = 2 ** 30

type Sketch = Pick<NewVm, 'name' | 'description' | 'tags' | 'start' | 'tools' | 'cd' | 'vcpus'> & {
  readonly memory: number
  readonly disks: readonly { readonly size: number; readonly fill: number; readonly second?: boolean }[]
}

/** VMs as a small company has them: different in all that replication looks at. */
const sketches: readonly Sketch[] = [
  {
    ...{
      name: 'web',
      description: 'Web server',
      tags: ['production', 'web'],
      start: true,
      tools: true,
      cd: true,
      vcpus: 2,
      memory: 512 * MiB,
    },
    disks: [{ size: 2 * GiB, fill: 24 * MiB }],
  },
  {
    ...{
      name: 'database',
      description: 'PostgreSQL, data on a disk of its own',
      tags: ['production'],
      start: true,
      tools: true,
      cd: true,
      vcpus: 4,
    },
    ...{
      memory: GiB,
      disks: [
        { size: 4 * GiB, fill: 16 * MiB },
        { size: 6 * GiB, fill: 40 * MiB },
      ],
    },
  },
  {
    ...{
      name: 'legacy',
      description: 'Has no guest tools',
      tags: ['old'],
      start: true,
      tools: false,
      cd: true,
      vcpus: 1,
      memory: 256 * MiB,
    },
    disks: [{ size: 514 * MiB, fill: 8 * MiB }],
  },
  {
    ...{ name: 'archive', description: 'Halted; its disk is on the second SR', tags: [], start: false, tools: true, cd: false, vcpus: 1 },
    ...{ memory: 256 * MiB, disks: [{ size: 16 * GiB, fill: 16 * MiB, second: true }] },
  },
]

/** Gives a new pool its VMs. `srs`: the default one, and another. */
export async function makeDefaultVms(pool: LabPool, filler: DiskFiller, srs: readonly [Refstring, Refstring]): Promise<void> {
  const networks = pool.db.refs('network')
  const named = (start: string) => networks.filter((ref) => String(pool.db.get('network', ref).name_label).startsWith(start))
  const pooled = named('Pool-wide')
  for (const [index, { disks, ...sketch }] of sketches.entries()) {
    await makeVm(pool, filler, {
      ...sketch,
      otherConfig: sketch.name === 'web' ? { auto_poweron: 'true' } : {},
      networks: (pooled.length > 0 ? pooled : networks).slice(0, sketch.name === 'database' ? 2 : 1),
      disks: disks.map(({ size, fill, second }, at) => ({
        name: `${sketch.name} ${at === 0 ? 'system' : 'data'}`,
        sr: srs[second ? 1 : 0],
        size,
        content: { kind: 'ext4', fill, seed: `${pool.name} ${index}.${at}` },
      })),
    })
  }
}
