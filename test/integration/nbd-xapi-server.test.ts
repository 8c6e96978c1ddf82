/** The NBD server of a simulated host: what it refuses, what it serves, and what it leaves attached. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect as connectSocket } from 'node:net'
import { after, before, test } from 'node:test'
import { createByteBudget } from '../../src/block/budget.ts'
import { ClientSocket } from '../../src/lab/nbd/client-socket.ts'
import type { LabPool, Refstring } from '../../src/lab/pool.ts'
import { connectNbd } from '../../src/nbd/connect.ts'
import { decodeOptionReplyHeader, encodeClientFlags, encodeExportName, encodeOption } from '../../src/nbd/handshake.ts'
import { createNbdSource } from '../../src/nbd/nbd-source.ts'
import { type NbdServer, openNbdPool } from '../../src/nbd/pool.ts'
import { COMMAND, GREETING_LENGTH, OPTION, OPTION_REPLY, OPTION_REPLY_HEADER_LENGTH, REQUEST_LENGTH } from '../../src/nbd/protocol.ts'
import { encodeRequest } from '../../src/nbd/transmission.ts'
import { type StartedLab, startLab } from '../support/lab.ts'
import { type Folder, runProgram, startNbdkit, temporaryFolder } from '../support/nbd-programs.ts'
import { needs } from '../support/programs.ts'
import { randomBytes, randomNumbers, testSeed } from '../support/random-disk.ts'

const MIB = 1024 * 1024
const SIZE = 32 * MIB

let lab: StartedLab
let pool: LabPool
let session: string
let vdi: Refstring
let content: Buffer
let server: NbdServer
const seed = testSeed()

before(async () => {
  lab = await startLab({ pools: ['paris'], empty: true })
  const [started] = lab.pools
  assert.ok(started)
  pool = started.pool
  session = String(await pool.invoke('session.login_with_password', pool.user, pool.password, '1.0', 'test'))
  vdi = String(
    await pool.invoke('VDI.create', {
      name_label: 'disk',
      name_description: '',
      SR: pool.db.byUuid('SR', started.srs[0]?.uuid ?? ''),
      virtual_size: SIZE,
      type: 'user',
      sharable: false,
      read_only: false,
      other_config: {},
      xenstore_data: {},
      sm_config: {},
      tags: [],
    }),
  )
  content = Buffer.concat([randomBytes(randomNumbers(seed), SIZE - 8 * MIB), Buffer.alloc(8 * MIB)])
  for (let at = 0; at < SIZE; at += MIB) pool.storage.disk(vdi).write(at, content.subarray(at, at + MIB))
  server = {
    address: started.nbd?.host ?? '',
    port: started.nbd?.port ?? 0,
    exportname: `/${String(pool.db.get('VDI', vdi).uuid)}?session_id=${session}`,
    cert: pool.certificate.cert,
    subject: 'paris-host',
  }
})

after(() => lab.close())

function uri(folder: Folder): string {
  writeFileSync(folder.file('ca-cert.pem'), pool.certificate.cert)
  return `nbds://${server.address}:${server.port}/${encodeURIComponent(server.exportname)}?tls-certificates=${folder.path}`
}

function setPurposes(...purposes: string[]): void {
  const networks = pool.db.refs('network')
  for (const network of networks) pool.db.update('network', network, { purpose: [] })
  for (const [index, purpose] of purposes.entries()) pool.db.update('network', networks[index] ?? '', { purpose: [purpose] })
}

/** The control domain's attachments of the disk. */
function attachments(): number {
  return (pool.db.get('VDI', vdi).VBDs as readonly Refstring[]).length
}

function connectRight(more: { exportName?: string; timeoutMs?: number } = {}) {
  return connectNbd({ host: server.address, port: server.port, exportName: server.exportname, tls: { certificate: server.cert }, ...more })
}

/** A bare socket to the server, past the greeting. */
async function greeted(clientFlags = 1): Promise<ClientSocket> {
  const client = new ClientSocket(connectSocket(server.port, server.address))
  const greeting = await client.read(GREETING_LENGTH)
  assert.equal(greeting.readUInt16BE(16), 1, 'nothing but FIXED_NEWSTYLE')
  await client.write(encodeClientFlags(clientFlags))
  return client
}

async function ask(client: ClientSocket, option: number, payload?: Buffer): Promise<number> {
  await client.write(encodeOption(option, payload))
  const { reply, length } = decodeOptionReplyHeader(await client.read(OPTION_REPLY_HEADER_LENGTH), option)
  await client.read(length)
  return reply
}

test('nbdinfo and nbdcopy read a disk over TLS with the certificate of the pool', needs('nbdinfo', 'nbdcopy'), async (t) => {
  t.diagnostic(`UNDERSTUDY_TEST_SEED=${seed}`)
  using folder = temporaryFolder()
  const [info] = JSON.parse(await runProgram('nbdinfo', '--json', uri(folder))).exports
  assert.deepEqual([info['export-size'], info.is_read_only, info.can_multi_conn], [SIZE, true, false])
  await runProgram('nbdcopy', uri(folder), folder.file('copy.raw'))
  assert.ok(readFileSync(folder.file('copy.raw')).equals(content))
})

test(
  'qemu-img is refused as by a real host, because it wants a list of exports, and reads through nbdkit',
  needs('qemu-img', 'nbdkit'),
  async (t) => {
    t.diagnostic(`UNDERSTUDY_TEST_SEED=${seed}`)
    using folder = temporaryFolder()
    writeFileSync(folder.file('ca-cert.pem'), server.cert)
    // QEMU's own look at the files wants an authority's certificate; the handshake is checked all the same.
    const tls = ['--object', `tls-creds-x509,id=t,dir=${folder.path},endpoint=client,sanity-check=no`]
    const image = `driver=nbd,host=${server.address},port=${server.port},export=${server.exportname},tls-creds=t`
    await assert.rejects(runProgram('qemu-img', 'info', ...tls, '--image-opts', image), /Denied by server for option 3/)
    const remote = [
      `hostname=${server.address}`,
      `port=${server.port}`,
      `export=${server.exportname}`,
      'tls=require',
      `tls-certificates=${folder.path}`,
    ]
    await using proxy = await startNbdkit(folder, '-r', 'nbd', ...remote)
    await runProgram('qemu-img', 'convert', '-f', 'raw', '-O', 'raw', `nbd+unix:///?socket=${proxy.socketPath}`, folder.file('image.raw'))
    assert.ok(readFileSync(folder.file('image.raw')).equals(content))
  },
)

test('our client reads the same bytes, through a pool and its source', async (t) => {
  t.diagnostic(`UNDERSTUDY_TEST_SEED=${seed}`)
  const connections = await openNbdPool({ candidates: [server], connections: 3, depth: 2, size: SIZE })
  const budget = createByteBudget(4 * MIB)
  const source = createNbdSource({ pool: connections, size: SIZE, extents: [{ offset: 0, length: SIZE }], mergeUpTo: MIB })
  const copy = Buffer.alloc(SIZE)
  for await (const { offset, data, release } of source.blocks({ signal: new AbortController().signal, budget })) {
    data.copy(copy, offset)
    release()
  }
  assert.ok(copy.equals(content))
  assert.ok(attachments() >= 1 && attachments() <= 3, 'one attachment for each connection')
  await source.close()
  assert.equal(attachments(), 0, 'the disk is free when close has resolved')
})

test('TLS is forced when a network is for nbd: nothing else is answered, and a name in clear text ends the connection', async () => {
  const client = await greeted()
  for (const option of [OPTION.list, OPTION.go, OPTION.info, OPTION.structuredReply, 77]) {
    assert.equal(await ask(client, option), OPTION_REPLY.tlsRequired)
  }
  await client.write(encodeOption(OPTION.exportName, encodeExportName(server.exportname)))
  await assert.rejects(client.read(1))
  client.destroy()
  const old = await greeted(0)
  // A client without fixed newstyle.
  await assert.rejects(old.read(1))
  old.destroy()
  await assert.rejects(connectNbd({ host: server.address, port: server.port, exportName: server.exportname }), { code: 'NBD_CLOSED' })
})

test('clear text, and no TLS, when a network is for insecure_nbd; nobody is served without such a network or with both', async () => {
  try {
    setPurposes('insecure_nbd')
    const client = await greeted()
    assert.equal(await ask(client, OPTION.starttls), OPTION_REPLY.policy)
    assert.equal(await ask(client, OPTION.list), OPTION_REPLY.policy)
    for (const option of [OPTION.go, OPTION.info, OPTION.structuredReply, 10])
      assert.equal(await ask(client, option), OPTION_REPLY.unsupported)
    assert.equal(await ask(client, OPTION.abort), OPTION_REPLY.ack)
    await assert.rejects(client.read(1))
    client.destroy()
    await assert.rejects(connectRight(), { code: 'NBD_TLS_REFUSED' })
    const plain = await openNbdPool({ candidates: [server], clearText: true, size: SIZE })
    assert.ok((await plain.read(MIB, MIB)).equals(content.subarray(MIB, 2 * MIB)))
    await plain.close()
    setPurposes()
    await assert.rejects(connectRight(), { code: 'NBD_CLOSED' })
    setPurposes('nbd', 'insecure_nbd')
    await assert.rejects(connectRight(), { code: 'NBD_CLOSED' })
  } finally {
    setPurposes('nbd')
  }
})

test('a dead session, no session, and an unknown disk end the connection without a word', async () => {
  const uuid = String(pool.db.get('VDI', vdi).uuid)
  for (const exportName of [
    `/${uuid}?session_id=OpaqueRef:00000000-0000-4000-8000-000000000000`,
    `/${uuid}`,
    '',
    `/00000000-0000-4000-8000-000000000000?session_id=${session}`,
  ]) {
    await assert.rejects(connectRight({ exportName }), { code: 'NBD_CLOSED' }, exportName.slice(0, 45))
  }
  assert.equal(attachments(), 0)
})

test('a session that ends later does not end the connection', async () => {
  const other = String(await pool.invoke('session.login_with_password', pool.user, pool.password, '1.0', 'test'))
  const connection = await connectRight({ exportName: server.exportname.replace(session, other) })
  pool.db.delete('session', other)
  assert.ok((await connection.read(0, 4096)).equals(content.subarray(0, 4096)))
  await connection.close()
})

test('a read that is no whole sector, a write and an unknown command get their error, and the connection ends', async () => {
  const unaligned = await connectRight()
  await assert.rejects(unaligned.read(0, 100), { code: 'NBD_SERVER_ERROR', errno: 'EINVAL' })
  await assert.rejects(unaligned.read(0, 512), { code: 'NBD_CLOSED' })
  await unaligned.close()
  try {
    setPurposes('insecure_nbd')
    for (const [command, error] of [
      [COMMAND.write, 1],
      [COMMAND.flush, 22],
      [COMMAND.trim, 22],
      [99, 22],
    ] as const) {
      const client = await greeted()
      await client.write(encodeOption(OPTION.exportName, encodeExportName(server.exportname)))
      const info = await client.read(134)
      assert.deepEqual([info.readBigUInt64BE(0), info.readUInt16BE(8)], [BigInt(SIZE), 3])
      assert.ok(info.subarray(10).every((byte) => byte === 0))
      const request = Buffer.alloc(REQUEST_LENGTH)
      encodeRequest(request, 0, { flags: 0, command, cookie: 7, offset: 0, length: 512 })
      await client.write(request)
      assert.equal((await client.read(16)).readUInt32BE(4), error)
      await assert.rejects(client.read(1))
      client.destroy()
    }
    // Past the end: the header says all is well, what the disk has follows, and then the connection is cut.
    const client = await greeted()
    await client.write(encodeOption(OPTION.exportName, encodeExportName(server.exportname)))
    await client.read(134)
    const request = Buffer.alloc(REQUEST_LENGTH)
    encodeRequest(request, 0, { flags: 0, command: COMMAND.read, cookie: 7, offset: SIZE - 512, length: 1024 })
    await client.write(request)
    assert.equal((await client.read(16)).readUInt32BE(4), 0)
    await assert.rejects(client.read(1024))
    client.destroy()
  } finally {
    setPurposes('nbd')
  }
})

test('clients that talk nonsense, before TLS and in its place, are hung up on and leave nothing attached', async () => {
  const random = randomNumbers(seed)
  for (let round = 0; round < 40; round++) {
    const client = await greeted()
    if (round % 2 === 0) await ask(client, OPTION.starttls)
    await client.write(randomBytes(random, 1 + random(3000))).catch(() => undefined)
    if (round % 3 === 0) client.destroy()
    else client.end()
    await client.closed
  }
  const connection = await connectRight()
  assert.ok((await connection.read(0, 4096)).equals(content.subarray(0, 4096)))
  await connection.close()
  assert.equal(attachments(), 0)
})

/** A connection as soon as there is room: the server may still be busy with hanging up on those before, and counts them until it is done. */
async function connectInTurn(): ReturnType<typeof connectRight> {
  for (;;) {
    try {
      return await connectRight()
    } catch (error) {
      if ((error as { code?: string }).code !== 'NBD_CLOSED') throw error
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}

test('sixteen connections at once and no more; one that ends makes room', async () => {
  const connections: Awaited<ReturnType<typeof connectRight>>[] = []
  for (let index = 0; index < 16; index++) connections.push(await connectInTurn())
  assert.equal(attachments(), 16)
  await assert.rejects(connectRight(), { code: 'NBD_CLOSED' })
  await connections[0]?.close()
  const another = await connectInTurn()
  await Promise.all([...connections, another].map((connection) => connection.close()))
  while (attachments() > 0) await new Promise(setImmediate)
})

test('a client that is cut off leaves its attachment for as long as the setting says, then it goes', async () => {
  const connection = await connectInTurn()
  const kept = pool.settings.nbdDetachMs
  pool.settings.nbdDetachMs = 400
  const read = assert.rejects(connection.read(0, 8 * MIB), { code: 'NBD_CLOSED' })
  const gone = Promise.withResolvers<void>()
  const stop = pool.db.onChange((className, _ref, operation) => {
    if (className === 'VBD' && operation === 'del') gone.resolve()
  })
  await connection.close()
  await read
  assert.equal(attachments(), 1)
  await gone.promise
  assert.equal(attachments(), 0)
  stop()
  pool.settings.nbdDetachMs = kept
})
