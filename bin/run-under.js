// Plain JavaScript for whatever Node a machine has: finds a Node that is new enough, and runs a program under it.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'

/** The oldest Node that runs the sources (type stripping) and the compiled package. */
export const oldestNode = 24

/** Major version of a `v24.21.0`; 0 when it is none. */
export function majorOf(version) {
  return Number(/^v?(\d+)\./.exec(version)?.[1] ?? 0)
}

/** The first of the files that runs and is a Node new enough; undefined when none is. */
export function newEnoughNode(candidates) {
  return candidates.find((file) => {
    if (!existsSync(file)) return false
    const { stdout } = spawnSync(file, ['--version'], { encoding: 'utf8', timeout: 30_000 })
    return majorOf(stdout ?? '') >= oldestNode
  })
}

/**
 * Whether a terminal sends Ctrl-C to this process itself, and so to its child as well: then the child must not get it twice.
 * Fields of /proc/PID/stat after the name: state, ppid, pgrp, session, tty, foreground group of that tty (proc(5)).
 */
function inForeground() {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[2] === fields[5]
  } catch {
    return process.stdin.isTTY === true
  }
}

/**
 * Runs `program` in this process's place: same standard streams, signals handed on.
 * Resolves to its exit code; a program that a signal ended gives 128 + the signal's number, as a shell says it.
 */
export function runUnder(program, args, env = process.env) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit', env })
    const handlers = ['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => {
      const handler = () => {
        if (signal === 'SIGTERM' || !inForeground()) child.kill(signal)
      }
      process.on(signal, handler)
      return () => process.off(signal, handler)
    })
    const settle = (finish) => {
      for (const remove of handlers) remove()
      finish()
    }
    child.once('error', (error) => settle(() => reject(error)))
    child.once('exit', (code, signal) => settle(() => resolve(code ?? 128 + (constants.signals[signal] ?? 1))))
  })
}
