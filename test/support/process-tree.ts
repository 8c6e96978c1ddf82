/** Which processes came from a test process, seen through /proc (proc(5)); elsewhere none are seen. */
import { readdirSync, readFileSync } from 'node:fs'

/** Live descendants of `ancestor`, and processes whose environment holds TMPDIR=`folder` (their parents may have gone). Without `ancestor`. */
export function descendants(ancestor: number, folder: string): number[] {
  const parents = new Map<number, number>()
  const marked = new Set<number>()
  for (const pid of processes()) {
    const parent = liveParent(pid)
    if (parent === undefined) continue
    parents.set(pid, parent)
    if (environmentOf(pid).includes(`TMPDIR=${folder}`)) marked.add(pid)
  }
  const comesFrom = (pid: number | undefined): boolean => pid !== undefined && (pid === ancestor || comesFrom(parents.get(pid)))
  return [...parents.keys()].filter((pid) => pid !== ancestor && (marked.has(pid) || comesFrom(pid)))
}

/** `1234 (nbdkit -f memory 1M)`. */
export function describeProcess(pid: number): string {
  const command = read(`/proc/${pid}/cmdline`).split('\0').join(' ').trim()
  return `${pid} (${command.length > 120 ? `${command.slice(0, 120)}…` : command})`
}

function processes(): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
  } catch {
    return []
  }
}

/** Undefined for a process that is gone, or dead and not yet waited for. */
function liveParent(pid: number): number | undefined {
  const stat = read(`/proc/${pid}/stat`)
  const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return parent === undefined || state === 'Z' || state === 'X' ? undefined : Number(parent)
}

function environmentOf(pid: number): string[] {
  return read(`/proc/${pid}/environ`).split('\0')
}

/** Empty for what is gone, or not ours to read. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
