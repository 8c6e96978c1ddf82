import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { seededNumbers } from '../../src/lab/content/seeded-numbers.ts'
import { ControlFailure, type SpawnedLab, spawnLab } from '../support/lab.ts'
import { needs } from '../support/programs.ts'

const command = join(import.meta.dirname, '../../bin/understudy.js')
const run = promisify(execFile)
const seed = process.env.SEED ?? String(Date.now())

/** Runs the command to its end. */
async function understudy(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [command, ...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (text) => {
    stdout += text
  })
  child.stderr.on('data', (text) => {
    stderr += text
  })
  const [code] = (await once(child, 'close')) as [number]
  return { code, stdout, stderr }
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

describe('understudy lab', () => {
  test('--json prints one line of the structure that others build on', needs('mke2fs', 'curl'), async () => {
    await using lab = disposable(await spawnLab([]))
    assert.deepEqual(
      lab.pools.map(({ name, vms }) => [name, vms.length]),
      [
        ['paris', 4],
        ['oslo', 0],
      ],
    )
    for (const pool of lab.pools) {
      const { post: _post, get: _get, delete: _delete, ...described } = pool
      assert.deepEqual(Object.keys(described), ['name', 'url', 'user', 'password', 'fingerprint', 'nbd', 'control', 'srs', 'vms'])
      assert.match(pool.url, /^https:\/\/127\.0\.0\.1:\d+$/)
      assert.match(pool.fingerprint, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/)
      assert.equal(pool.user, 'root')
      assert.ok(pool.password.length >= 20)
      assert.ok(pool.nbd && pool.nbd.host === '127.0.0.1' && pool.nbd.port > 0)
      assert.ok(pool.srs.length >= 2)
      for (const sr of pool.srs) {
        assert.deepEqual(Object.keys(sr), ['uuid', 'name'])
        assert.match(sr.uuid, uuid)
      }
      for (const vm of pool.vms) {
        assert.deepEqual(Object.keys(vm), ['uuid', 'name', 'power_state', 'disks'])
        assert.match(vm.uuid, uuid)
        for (const disk of vm.disks) {
          assert.deepEqual(Object.keys(disk), ['userdevice', 'vdi', 'size', 'guest_nbd'])
          assert.match(disk.vdi, uuid)
          assert.match(disk.guest_nbd, /^nbd\+unix:\/\/\/\?socket=\/\S+$/)
        }
      }
    }
    const [paris, oslo] = lab.pools as [SpawnedLab['pools'][0], SpawnedLab['pools'][0]]
    assert.notEqual(paris.password, oslo.password)
    assert.notEqual(paris.fingerprint, oslo.fingerprint)
    const { vms } = paris
    assert.ok(vms.some(({ power_state }) => power_state === 'Running') && vms.some(({ power_state }) => power_state === 'Halted'))
    assert.ok(vms.some(({ disks }) => disks.length === 2))
    assert.equal(lab.stderr, '')
    // the line's address and password open the pool
    const login = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'session.login_with_password', params: [paris.user, paris.password] })
    const { stdout } = await run('curl', ['-sk', '-d', login, `${paris.url}/jsonrpc`])
    assert.match((JSON.parse(stdout) as { result: string }).result, /^OpaqueRef:/)
    assert.equal(await lab.kill('SIGTERM'), 0)
  })

  test('killed with SIGKILL, the next start finds everything: objects, disks, passwords, certificates, ports', async () => {
    await using lab = disposable(await spawnLab(['--pools', 'paris', '--empty']))
    const seen = async () => {
      const [pool] = lab.pools
      assert.ok(pool)
      const { name, url, user, password, fingerprint, nbd, control, srs } = pool
      const { vms } = (await pool.get('/vms')) as { vms: SpawnedLab['pools'][0]['vms'] }
      const hashes = []
      for (const disk of vms.flatMap(({ disks }) => disks)) hashes.push(await pool.post('/disk/hash', { vdi: disk.vdi }))
      return { name, url, user, password, fingerprint, nbd, control, srs, vms, hashes }
    }
    const [pool] = lab.pools
    assert.ok(pool)
    const { vm } = await pool.post('/vms', {
      name: 'one',
      disks: [{ size: 20 * 2 ** 20 }, { size: 4 * 2 ** 20, content: 'empty' }],
      start: true,
    })
    await pool.post('/guest/random', { vm: vm.uuid, userdevice: '1', count: 10, seed: 'x' })
    const before = await seen()
    for (let round = 0; round < 3; round++) {
      assert.equal(await lab.kill('SIGKILL'), null)
      await lab.restart()
      assert.equal(lab.stderr, '')
      assert.deepEqual(await seen(), before)
      // and its guests write on
      await lab.pools[0]?.post('/guest/random', { vm: vm.uuid, count: 5, seed: String(round) })
      before.hashes = (await seen()).hashes
    }
  })

  test(`killed while it works (SEED=${seed}), what was answered before is there afterwards, byte for byte`, async () => {
    const numbers = seededNumbers(seed)
    await using lab = disposable(await spawnLab(['--pools', 'paris', '--empty']))
    const answered = new Map<string, string>()
    for (let round = 0; round < 4; round++) {
      const [pool] = lab.pools
      assert.ok(pool)
      const killed = new Promise((resolve) => setTimeout(resolve, numbers(500))).then(() => lab.kill('SIGKILL'))
      try {
        for (let made = 0; ; made++) {
          const disks = [{ size: 8 * 2 ** 20, content: 'pattern', fill: 2 ** 20, seed: `${round} ${made}` }]
          const { vm } = await pool.post('/vms', { name: `vm ${round} ${made}`, disks, start: true })
          await pool.post('/guest/random', { vm: vm.uuid, count: 8, seed: made })
          const { vdi } = vm.disks[0]
          answered.set(vdi, (await pool.post('/disk/hash', { vdi })).sha256)
        }
      } catch (error) {
        assert.ok(!(error instanceof ControlFailure), String(error))
      }
      await killed
      await lab.restart()
      const running = lab.pools[0]
      const found =
        running?.vms.filter(({ power_state }) => power_state === 'Running').flatMap(({ disks }) => disks.map(({ vdi }) => vdi)) ?? []
      for (const [vdi, sha256] of answered) {
        assert.ok(found.includes(vdi))
        const hashed = await running?.post('/disk/hash', { vdi })
        assert.equal(hashed?.sha256, sha256)
      }
    }
  })

  test('a first start that is killed half way leaves nothing that the next one trips over', async () => {
    const data = mkdtempSync(join(tmpdir(), 'lab-'))
    try {
      const child = spawn(process.execPath, [command, 'lab', '--json', '--data', data, '--pools', 'a'], { stdio: 'ignore' })
      await until(() => existsSync(join(data, 'a', 'pool.sqlite')))
      child.kill('SIGKILL')
      await once(child, 'close')
      await using lab = disposable(await spawnLab(['--pools', 'a'], { data }))
      assert.equal(lab.pools[0]?.vms.length, 4)
    } finally {
      rmSync(data, { recursive: true, force: true })
    }
  })

  test('a port that somebody took meanwhile is replaced, and said; with --port it is an error', async () => {
    await using lab = disposable(await spawnLab(['--pools', 'a,b', '--empty']))
    const [first, second] = lab.pools
    const port = Number(new URL(first?.url ?? '').port)
    const taken = [port, first?.nbd?.port as number, Number(new URL(first?.control ?? '').port)]
    await lab.kill('SIGTERM')
    const squatters = taken.map((port) => createServer().listen(port, '127.0.0.1'))
    await Promise.all(squatters.map((squatter) => once(squatter, 'listening')))
    try {
      await lab.restart()
      for (const [index, kind] of ['XAPI', 'NBD', 'control'].entries()) {
        assert.match(lab.stderr, new RegExp(`pool a: its ${kind} port ${taken[index]} is taken, another is used`))
      }
      const [now] = lab.pools
      assert.ok(![now?.url, now?.control].some((url) => taken.includes(Number(new URL(url ?? '').port))))
      assert.ok(!taken.includes(now?.nbd?.port as number))
      assert.equal(lab.pools[1]?.url, second?.url)
      const asked = await understudy(['lab', '--pools', 'c', '--port', String(port), '--empty'])
      assert.deepEqual(asked, { code: 1, stdout: '', stderr: `understudy lab: port ${port} is taken\n` })
    } finally {
      for (const squatter of squatters) squatter.close()
    }
  })

  test('--port numbers the pools, and a folder brings its pools without being told', async () => {
    const free = createServer().listen(0, '127.0.0.1')
    await once(free, 'listening')
    const { port } = free.address() as { port: number }
    free.close()
    await once(free, 'close')
    await using lab = disposable(await spawnLab(['--pools', 'zurich', '--port', String(port), '--empty']))
    assert.equal(lab.pools[0]?.url, `https://127.0.0.1:${port}`)
    await lab.kill('SIGINT')
    await using again = disposable(await spawnLab([], { data: lab.data }))
    assert.deepEqual(
      again.pools.map(({ name, url }) => [name, url]),
      [['zurich', `https://127.0.0.1:${port}`]],
    )
  })

  test('two labs never use one pool at once; different pools of one folder they may', async () => {
    await using lab = disposable(await spawnLab(['--pools', 'a', '--empty']))
    const second = await understudy(['lab', '--pools', 'a', '--data', lab.data])
    assert.equal(second.code, 1)
    assert.match(second.stderr, new RegExp(`^understudy lab: pool 'a' in .* is in use by another lab \\(process ${lab.pid}\\)\\n$`))
    await using other = disposable(await spawnLab(['--pools', 'b', '--empty'], { data: lab.data }))
    assert.equal(other.pools[0]?.name, 'b')
  })

  test('without --data nothing is left when it is stopped', async () => {
    const temporary = mkdtempSync(join(tmpdir(), 'tmp-'))
    const child = spawn(process.execPath, [command, 'lab', '--pools', 'a', '--empty'], {
      env: { ...process.env, TMPDIR: temporary },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [text] = (await once(child.stdout, 'data')) as [Buffer]
    assert.match(text.toString(), /^The lab is ready/)
    assert.equal(readdirSync(temporary).length, 1)
    child.kill('SIGINT')
    const [code] = (await once(child, 'close')) as [number]
    assert.equal(code, 0)
    assert.deepEqual(readdirSync(temporary), [])
    rmSync(temporary, { recursive: true })
  })

  test('--no-nbd is a host as it is installed: no network for NBD', async () => {
    await using lab = disposable(await spawnLab(['--pools', 'a', '--empty', '--no-nbd']))
    assert.equal(lab.pools[0]?.nbd, null)
  })

  test('UNDERSTUDY_LAB_PASSWORD sets the password, and it never shows in the process list', async () => {
    await using lab = disposable(await spawnLab(['--pools', 'a', '--empty'], { env: { UNDERSTUDY_LAB_PASSWORD: 'opened sesame' } }))
    assert.equal(lab.pools[0]?.password, 'opened sesame')
    assert.ok(!readFileSync(`/proc/${lab.pid}/cmdline`, 'utf8').includes('sesame'))
  })

  test('wrong usage is one line and exit code 2', async () => {
    for (const args of [
      ['--what'],
      ['--port', 'x'],
      ['--port', '0'],
      ['extra'],
      ['import'],
      ['import', '--control', 'nonsense', '--sr', 'x', '--name', 'y', 'z'],
    ]) {
      const { code, stdout, stderr } = await understudy(['lab', ...args])
      assert.equal(code, 2, args.join(' '))
      assert.equal(stdout, '')
      assert.match(stderr, /^understudy lab: .+\n$/)
    }
  })

  test('what can be expected to go wrong is one line and exit code 1', async () => {
    for (const [args, message] of [
      [['--pools', 'a,A'], /named twice/],
      [['--pools', '../a'], /can't be a pool's name/],
      [['--pools', ''], /can't be a pool's name/],
      [['--data', '/dev/null/x'], /can't be made/],
      [['--port', '65535'], /not a port for 2 pools/],
    ] as const) {
      const { code, stdout, stderr } = await understudy(['lab', ...args])
      assert.equal(code, 1, args.join(' '))
      assert.equal(stdout, '')
      assert.match(stderr, /^understudy lab: .+\n$/)
      assert.match(stderr, message)
    }
  })
})

function disposable<T extends { close(): Promise<void> }>(closable: T): T & AsyncDisposable {
  // Getters of the lab have to stay getters.
  return Object.defineProperty(closable, Symbol.asyncDispose, { value: () => closable.close() }) as T & AsyncDisposable
}

async function until(done: () => boolean): Promise<void> {
  const end = performance.now() + 30_000
  while (!done()) {
    if (performance.now() > end) throw new Error('waited in vain')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
