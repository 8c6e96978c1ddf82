/** The benchmark cases: each makes a lab, lets whole processes run on it, and gives figures. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectXapi } from '../src/xapi/connect.ts'
import { commandTrust } from '../src/xapi/trust.ts'
import type { ControlledLabPool } from '../test/support/lab.ts'
import { programPath } from '../test/support/programs.ts'
import type { Figure } from './figures.ts'
import { type BenchLab, withLab } from './lab-bench.ts'
import { latency } from './latency.ts'
import { type Measured, measure } from './measure.ts'
import { rehearsal } from './recovery.ts'
import { poolEnvironment, replicate } from './replicate-process.ts'
import { resume } from './resume.ts'
import { manyVms } from './server-cases.ts'

const KiB = 1024
const MiB = 1024 * KiB
const GiB = 1024 * MiB

export interface CaseOptions {
  /** Bytes of the disk that is copied in full. */
  readonly fullBytes: number
}

export const cases: Readonly<Record<string, (options: CaseOptions) => Promise<Figure[]>>> = {
  delta: scatteredDelta,
  memory: eightDisks,
  full: fullCopy,
  unchanged: nothingChanged,
  latency: () => latency({ deltaBytes: GiB, roundTripMs: 50, rounds: 3 }),
  resume: () => resume(20 * GiB),
  recovery: () => rehearsal(20),
  server: manyVms,
}

/** A guest writes 64 KiB here and there; how much more than that is moved. */
function scatteredDelta(): Promise<Figure[]> {
  return withLab(async ({ from, to, makeVm }) => {
    const vm = await makeVm({ disks: 1, size: 16 * GiB, fill: 256 * MiB, start: true })
    await replicate({ from, to, vm: vm.uuid })
    const count = 2000
    const { bytes: changed } = (await from.post('/guest/random', { vm: vm.uuid, count, seed: 'delta' })) as { bytes: number }
    const { report, ...process } = await replicate({ from, to, vm: vm.uuid })
    if (report.disks[0]?.mode !== 'delta') throw new Error(`the run was no delta: ${report.disks[0]?.reason.text}`)
    const what = `delta of ${count} scattered 64 KiB writes`
    return [
      { what, figure: 'bytes sent / bytes the guest wrote', value: report.totals.bytesSent / changed, unit: '', limit: 1.05 },
      { what, figure: 'bytes read / bytes the guest wrote', value: report.totals.bytesRead / changed, unit: '', limit: 1.25 },
      ...processFigures(what, process),
    ]
  })
}

/** Eight large disks in flight at once: the memory that the mover takes. */
function eightDisks(): Promise<Figure[]> {
  return withLab(async ({ from, to, makeVm }) => {
    const vm = await makeVm({ disks: 8, size: 1024 * GiB, fill: 256 * MiB, start: false })
    const { report: _, ...process } = await replicate({ from, to, vm: vm.uuid })
    const what = 'full copy of 8 disks of 1 TiB, 256 MiB used on each'
    return [
      { what, figure: 'peak memory', value: process.peakBytes / MiB, unit: 'MiB', limit: 200 },
      { what, figure: 'throughput', value: (8 * 256) / process.wallSeconds, unit: 'MiB/s' },
      { what, figure: 'wall time', value: process.wallSeconds, unit: 's' },
    ]
  })
}

/** How far a full copy and plain reading are from what the machine can do: nbdcopy reads the same disk from the same server. */
function fullCopy({ fullBytes }: CaseOptions): Promise<Figure[]> {
  return withLab(async (lab) => {
    const { from, to, makeVm } = lab
    const vm = await makeVm({ disks: 1, size: fullBytes, fill: fullBytes, start: false })
    const vdi = vm.disks[0]?.vdi ?? ''
    const nbdcopy = programPath('nbdcopy') ? await besideLab(lab, () => nbdcopyRead(from, vdi)) : undefined
    if (!nbdcopy)
      console.error('NOT RUN: nbdcopy is missing (Debian: apt-get install libnbd-bin), so that there is nothing to compare with')
    const reader = join(import.meta.dirname, 'nbd-read.ts')
    const ours = await besideLab(lab, () => measure(process.execPath, [reader, vdi], { env: poolEnvironment(from, to) }))
    const copy = await besideLab(lab, () => replicate({ from, to, vm: vm.uuid }))
    return [
      ...(nbdcopy ? readFigures('nbdcopy reading', fullBytes, nbdcopy) : []),
      ...readFigures('understudy reading', fullBytes, ours, nbdcopy),
      ...readFigures('understudy full copy (reading and sending)', fullBytes, copy, nbdcopy),
    ]
  })
}

/** A run that finds nothing to do. */
function nothingChanged(): Promise<Figure[]> {
  return withLab(async ({ from, to, makeVm }) => {
    const vm = await makeVm({ disks: 2, size: 16 * GiB, fill: 16 * MiB, start: true })
    await replicate({ from, to, vm: vm.uuid })
    const { report, ...process } = await replicate({ from, to, vm: vm.uuid })
    const what = 'run with nothing changed, two disks'
    return [
      { what, figure: 'XAPI calls, both pools', value: report.xapiCalls.source + report.xapiCalls.target, unit: '', limit: 60 },
      { what, figure: 'bytes sent', value: report.totals.bytesSent, unit: 'B' },
      { what, figure: 'seconds of the run', value: report.seconds, unit: 's', limit: 1.5 },
      ...processFigures(what, process),
    ]
  })
}

type Process = Pick<Measured, 'wallSeconds' | 'userSeconds' | 'systemSeconds' | 'peakBytes'>

function processFigures(what: string, { wallSeconds, userSeconds, systemSeconds, peakBytes }: Process): Figure[] {
  return [
    { what, figure: 'wall time of the process', value: wallSeconds, unit: 's' },
    { what, figure: 'processor time', value: userSeconds + systemSeconds, unit: 's' },
    { what, figure: 'peak memory', value: peakBytes / MiB, unit: 'MiB' },
  ]
}

interface BesideLab {
  readonly process: Process
  /** What the simulated pools took meanwhile, on the same processors. */
  readonly labSeconds: number
}

async function besideLab(
  lab: BenchLab,
  run: () => Promise<Process & { readonly exitCode?: number; readonly stderr?: string }>,
): Promise<BesideLab> {
  const before = lab.cpuSeconds()
  const process = await run()
  if (process.exitCode) throw new Error(process.stderr?.trim() ?? `exit code ${process.exitCode}`)
  return { process, labSeconds: lab.cpuSeconds() - before }
}

function readFigures(what: string, bytes: number, { process, labSeconds }: BesideLab, beside?: BesideLab): Figure[] {
  const perGiB = ({ userSeconds, systemSeconds }: Process) => (userSeconds + systemSeconds) / (bytes / GiB)
  return [
    { what, figure: 'throughput', value: bytes / MiB / process.wallSeconds, unit: 'MiB/s' },
    { what, figure: 'processor time per GiB', value: perGiB(process), unit: 's' },
    ...(beside
      ? [{ what, figure: "processor time / nbdcopy's", value: perGiB(process) / perGiB(beside.process), unit: '', limit: 2 }]
      : []),
    { what, figure: "the lab's processor time per GiB", value: labSeconds / (bytes / GiB), unit: 's' },
    { what, figure: 'peak memory', value: process.peakBytes / MiB, unit: 'MiB' },
  ]
}

/** nbdcopy wants a URI as argument, with the session in it: a session of a lab that lives for seconds. */
async function nbdcopyRead(pool: ControlledLabPool, vdi: string): Promise<Measured> {
  const certificates = mkdtempSync(join(tmpdir(), 'certificates-'))
  const trust = commandTrust({ trust: [pool.fingerprint] })
  const xapi = await connectXapi({ url: pool.url, user: pool.user, password: pool.password, trust })
  try {
    const ref = await xapi.byUuid('VDI', vdi)
    const [info] = await xapi.call<{ address: string; port: number; exportname: string; cert: string }[]>('VDI.get_nbd_info', [ref])
    if (!info) throw new Error('the pool serves no NBD')
    writeFileSync(join(certificates, 'ca-cert.pem'), info.cert)
    const name = encodeURIComponent(info.exportname)
    const uri = `nbds://${info.address}:${info.port}/${name}?tls-certificates=${certificates}`
    return await measure('nbdcopy', [uri, 'null:'])
  } finally {
    await xapi.close()
    rmSync(certificates, { recursive: true })
  }
}
