import { mkdir, open, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fillPattern } from './pattern.ts'
import { seededNumbers } from './seeded-numbers.ts'

const MiB = 1024 * 1024

/**
 * Writes a small tree of files such as a server has: settings, logs, and `fill` bytes of data files that do not compress. The
 * same seed gives the same names and the same bytes.
 */
export async function writeFileTree(folder: string, seed: string, fill: number): Promise<void> {
  const numbers = seededNumbers(`tree ${seed}`)
  const put = async (name: string, content: string | Buffer) => {
    const path = join(folder, name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, content)
  }
  await put('etc/hostname', `lab-${seed}\n`)
  await put('etc/fstab', '/dev/xvda / ext4 defaults 0 1\n')
  await put('etc/motd', 'This machine is simulated; its disk is real.\n')
  await put('home/operator/notes.txt', `Everything here follows from the seed ${seed}.\n`)
  await put('var/log/syslog', logLines(numbers, 400))
  await put('var/log/auth.log', logLines(numbers, 60))

  let left = fill
  for (let file = 0; left > 0; file++) {
    const size = Math.min(left, 64 * 1024 * (1 + numbers(64)), 8 * MiB)
    await putRandom(
      join(folder, 'srv/data', String(file >> 6).padStart(3, '0')),
      `${String(file).padStart(5, '0')}.bin`,
      `${seed} file ${file}`,
      size,
    )
    left -= size
  }
}

async function putRandom(folder: string, name: string, seed: string, size: number): Promise<void> {
  await mkdir(folder, { recursive: true })
  await using file = await open(join(folder, name), 'w')
  for (let at = 0; at < size; at += MiB) {
    const piece = Buffer.alloc(Math.min(MiB, size - at))
    fillPattern(piece, at, { kind: 'random', seed })
    await file.write(piece)
  }
}

function logLines(numbers: (below: number) => number, count: number): string {
  const services = ['systemd', 'sshd', 'cron', 'postgres', 'nginx']
  let seconds = 0
  return Array.from({ length: count }, () => {
    seconds += numbers(90)
    const time = new Date(Date.UTC(2025, 0, 1) + seconds * 1000).toISOString().slice(0, 19)
    return `${time} ${services[numbers(services.length)]}[${300 + numbers(9000)}]: request ${numbers(2 ** 32).toString(16)} took ${numbers(900)} ms\n`
  }).join('')
}
