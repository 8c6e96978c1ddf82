/** VMs of a simulated pool where the recordings of a real one say nothing: guests with tools, memory, hot plug, failures in the middle. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setGuest } from '../../src/lab/classes/guest-tools.ts'
import { type LabPool, type Refstring, type Row, XapiFailure } from '../../src/lab/pool.ts'
import { type StartedLab, type StartedPool, startLab } from '../support/lab.ts'

const MiB = 2 ** 20
const NULL = 'OpaqueRef:NULL'

describe('VMs of the lab', () => {
  let lab: StartedLab
  let paris: StartedPool
  before(async () => {
    lab = await startLab({ pools: ['paris'], empty: true })
    paris = lab.pools[0] as StartedPool
  })
  after(() => lab.close())

  const pool = (): LabPool => paris.pool
  const db = () => pool().db
  // biome-ignore lint/suspicious/noExplicitAny: results of many types
  const invoke = async (message: string, ...params: unknown[]): Promise<any> => pool().invoke(message, ...params)
  const vmRow = (vm: Refstring): Row => db().get('VM', vm)
  const state = (vm: Refstring) => vmRow(vm).power_state
  const list = (row: Row, field: string) => row[field] as readonly Refstring[]
  const sr = () => db().refs('SR')[0] as Refstring

  let count = 0
  const newDisk = (fields: Row = {}): Promise<Refstring> =>
    invoke('VDI.create', {
      ...{ name_label: 'disk', name_description: '', SR: sr(), virtual_size: 8 * MiB, type: 'user' },
      ...{ sharable: false, read_only: false, other_config: {} },
      ...fields,
    })
  const vbdOf = (vm: Refstring, vdi: Refstring, fields: Row = {}): Promise<Refstring> =>
    invoke('VBD.create', {
      ...{ VM: vm, VDI: vdi, userdevice: 'autodetect', bootable: false, mode: 'RW', type: 'Disk', empty: false },
      ...{ other_config: {}, qos_algorithm_type: '', qos_algorithm_params: {} },
      ...fields,
    })
  const newVm = async ({ disks = 1, tools = true, ...fields }: { disks?: number; tools?: boolean; [field: string]: unknown } = {}) => {
    const vm: Refstring = await invoke('VM.create', {
      ...{ name_label: `vm ${++count}`, user_version: 1, is_a_template: false, affinity: NULL },
      ...{ memory_static_max: 64 * MiB, memory_dynamic_max: 64 * MiB, memory_dynamic_min: 64 * MiB, memory_static_min: 16 * MiB },
      ...{ VCPUs_params: {}, VCPUs_max: 2, VCPUs_at_startup: 2, actions_after_shutdown: 'destroy', actions_after_reboot: 'restart' },
      ...{ actions_after_crash: 'restart', PV_bootloader: '', PV_kernel: '', PV_ramdisk: '', PV_args: '', PV_bootloader_args: '' },
      ...{ PV_legacy_args: '', HVM_boot_policy: 'BIOS order', HVM_boot_params: { order: 'c' }, platform: {}, PCI_bus: '' },
      ...{ other_config: {}, recommendations: '' },
      ...fields,
    })
    for (let number = 0; number < disks; number++) await vbdOf(vm, await newDisk())
    const network = db().refs('network')[0] as Refstring
    await invoke('VIF.create', {
      ...{ device: '0', network, VM: vm, MAC: '', MTU: 1500, other_config: {}, qos_algorithm_type: '', qos_algorithm_params: {} },
    })
    setGuest(pool(), vm, { tools })
    return vm
  }
  const disksOf = (vm: Refstring) => list(vmRow(vm), 'VBDs').map((vbd) => db().get('VBD', vbd).VDI as Refstring)
  const fails = (promise: Promise<unknown>, code: string, ...params: string[]) =>
    assert.rejects(promise, (error) => {
      assert.ok(error instanceof XapiFailure, String(error))
      assert.equal(error.code, code)
      if (params.length > 0) assert.deepEqual(error.params, params)
      return true
    })
  const mark = (vdi: Refstring, byte: number) => pool().storage.disk(vdi).write(0, Buffer.alloc(4096, byte))
  const markOf = (vdi: Refstring) => pool().storage.disk(vdi).read(0, 512)[0]

  test('a start shows everywhere, and a clean shutdown takes it back', async () => {
    const vm = await newVm()
    await invoke('VM.start', vm, false, false)
    const running = vmRow(vm)
    assert.equal(running.power_state, 'Running')
    assert.ok((running.domid as number) > 0)
    assert.equal(running.resident_on, pool().refs.host)
    assert.ok(list(db().get('host', pool().refs.host), 'resident_VMs').includes(vm))
    const vbd = db().get('VBD', list(running, 'VBDs')[0] as Refstring)
    assert.deepEqual([vbd.currently_attached, vbd.device], [true, 'xvda'])
    assert.equal(db().get('VIF', list(running, 'VIFs')[0] as Refstring).currently_attached, true)
    const metrics = db().get('VM_metrics', running.metrics as Refstring)
    assert.deepEqual([metrics.VCPUs_number, metrics.hvm, metrics.current_domain_type], [2, true, 'hvm'])
    assert.notEqual(metrics.start_time, '19700101T00:00:00Z')
    const guest = db().get('VM_guest_metrics', running.guest_metrics as Refstring)
    assert.match((guest.networks as Row)['0/ip'] as string, /^10\./)
    assert.equal(list(running, 'consoles').length, 2)
    assert.ok((running.allowed_operations as string[]).includes('clean_shutdown'))

    await invoke('VM.clean_shutdown', vm)
    const halted = vmRow(vm)
    assert.deepEqual([halted.power_state, halted.domid, halted.resident_on], ['Halted', -1, NULL])
    assert.equal(db().get('VBD', list(halted, 'VBDs')[0] as Refstring).currently_attached, false)
    assert.equal(db().get('VIF', list(halted, 'VIFs')[0] as Refstring).currently_attached, false)
    assert.deepEqual(halted.consoles, [])
  })

  test('what stopped or started is told in messages, and the memory of the host is less meanwhile', async () => {
    const vm = await newVm({ tools: false })
    const uuid = vmRow(vm).uuid as string
    const free = await invoke('host.compute_free_memory', pool().refs.host)
    await invoke('VM.start', vm, false, false)
    assert.ok((await invoke('host.compute_free_memory', pool().refs.host)) <= free - 64 * MiB)
    await invoke('VM.hard_shutdown', vm)
    assert.equal(await invoke('host.compute_free_memory', pool().refs.host), free)
    const told: Row[] = Object.values(await invoke('message.get', 'VM', uuid, '19700101T00:00:00Z'))
    assert.deepEqual(told.map(({ name }) => name).sort(), ['VM_SHUTDOWN', 'VM_STARTED'])
  })

  test('pause and unpause; a paused VM can be shut down by force only', async () => {
    const vm = await newVm()
    await invoke('VM.start', vm, true, false)
    assert.equal(state(vm), 'Paused')
    await fails(invoke('VM.clean_shutdown', vm), 'VM_BAD_POWER_STATE', vm, 'running', 'paused')
    await invoke('VM.unpause', vm)
    assert.equal(state(vm), 'Running')
    await invoke('VM.pause', vm)
    await invoke('VM.hard_shutdown', vm)
    assert.equal(state(vm), 'Halted')
  })

  test('suspend writes an image that resume uses up, and a hard shutdown throws away', async () => {
    const vm = await newVm()
    await invoke('VM.start', vm, false, false)
    const guest = vmRow(vm).guest_metrics
    for (const [message, after] of [
      [['VM.resume', vm, false, false], 'Running'],
      [['VM.hard_shutdown', vm], 'Halted'],
    ] as const) {
      await invoke('VM.suspend', vm)
      const suspended = vmRow(vm)
      assert.deepEqual([suspended.power_state, suspended.resident_on, suspended.domid], ['Suspended', NULL, -1])
      const image = db().get('VDI', suspended.suspend_VDI as Refstring)
      assert.equal(image.type, 'suspend')
      assert.ok((image.virtual_size as number) > 64 * MiB)
      const [name, ...params] = message
      await invoke(name, ...params)
      assert.equal(state(vm), after)
      assert.equal(vmRow(vm).suspend_VDI, NULL)
      assert.equal(db().find('VDI', suspended.suspend_VDI as Refstring), undefined)
      if (after === 'Running') assert.equal(vmRow(vm).guest_metrics, guest)
    }
  })

  test('without an SR for suspend images a VM stays running', async () => {
    const vm = await newVm()
    await invoke('VM.start', vm, false, false)
    await invoke('pool.set_suspend_image_SR', pool().refs.pool, NULL)
    try {
      await fails(invoke('VM.suspend', vm), 'VM_NO_SUSPEND_SR', vm)
      assert.equal(state(vm), 'Running')
      assert.deepEqual(vmRow(vm).current_operations, {})
    } finally {
      await invoke('pool.set_suspend_image_SR', pool().refs.pool, sr())
    }
    await invoke('VM.hard_shutdown', vm)
  })

  test('a reboot gives a new domain', async () => {
    const vm = await newVm()
    await invoke('VM.start', vm, false, false)
    const domain = vmRow(vm).domid as number
    await invoke('VM.clean_reboot', vm)
    assert.equal(state(vm), 'Running')
    assert.ok((vmRow(vm).domid as number) > domain)
    await invoke('VM.hard_reboot', vm)
    await invoke('VM.hard_shutdown', vm)
  })

  test('a checkpoint holds disks and memory; reverting to it gives a suspended VM that resumes', async () => {
    const vm = await newVm()
    const disk = disksOf(vm)[0] as Refstring
    mark(disk, 1)
    await invoke('VM.start', vm, false, false)
    const checkpoint = await invoke('VM.checkpoint', vm, 'point')
    assert.equal(state(vm), 'Running')
    assert.equal(state(checkpoint), 'Suspended')
    assert.deepEqual(vmRow(checkpoint).snapshot_info, { 'power-state-at-snapshot': 'Running', 'disk-snapshot-type': 'crash_consistent' })
    assert.equal(db().get('VDI', vmRow(checkpoint).suspend_VDI as Refstring).is_a_snapshot, true)
    mark(disk, 2)
    await invoke('VM.revert', checkpoint)
    assert.equal(state(vm), 'Suspended')
    assert.equal(markOf(disksOf(vm)[0] as Refstring), 1)
    await invoke('VM.resume', vm, false, false)
    assert.equal(state(vm), 'Running')
    await invoke('VM.hard_shutdown', vm)
    const clone = await invoke('VM.clone', checkpoint, 'from a checkpoint')
    assert.equal(state(clone), 'Halted')
    assert.equal(vmRow(clone).suspend_VDI, NULL)
    await invoke('VM.destroy', checkpoint)
  })

  test('a revert brings back name, other_config and blocked operations, and keeps tags', async () => {
    const vm = await newVm({ other_config: { k: '1' }, tags: ['a'] })
    await invoke('VM.set_blocked_operations', vm, { start: 'no' })
    const snapshot = await invoke('VM.snapshot', vm, 'before')
    await invoke('VM.set_name_label', vm, 'renamed')
    await invoke('VM.add_to_other_config', vm, 'later', 'x')
    await invoke('VM.set_blocked_operations', vm, { clone: 'other' })
    await invoke('VM.set_tags', vm, ['b'])
    await invoke('VM.revert', snapshot)
    const row = vmRow(vm)
    assert.equal((row.other_config as Row).k, '1')
    assert.equal((row.other_config as Row).later, undefined)
    assert.notEqual(row.name_label, 'renamed')
    assert.deepEqual(row.blocked_operations, { start: 'no' })
    assert.deepEqual(row.tags, ['b'])
  })

  test('when a disk can not be snapshotted, no VM, no disk and no operation is left behind', async () => {
    const vm = await newVm({ disks: 2 })
    await invoke('VDI.create', {
      name_label: 'other',
      name_description: '',
      SR: sr(),
      virtual_size: MiB,
      type: 'user',
      sharable: false,
      read_only: false,
      other_config: {},
    })
    const second = await newDisk({ sharable: true })
    await vbdOf(vm, second)
    const before = { vms: db().refs('VM').length, managed: managed() }
    await fails(invoke('VM.snapshot', vm, 'half'), 'VDI_IS_SHARABLE', second)
    assert.deepEqual({ vms: db().refs('VM').length, managed: managed() }, before)
    assert.deepEqual(vmRow(vm).current_operations, {})
    assert.equal(vmRow(vm).parent, NULL)
  })
  const managed = () =>
    db()
      .refs('VDI')
      .filter((vdi) => db().get('VDI', vdi).managed === true).length

  test('a destroy waits for the snapshot that is under way', async () => {
    const vm = await newVm({ disks: 3 })
    const snapshot = invoke('VM.snapshot', vm, 'first')
    const destroyed = invoke('VM.destroy', vm)
    const made = await snapshot
    await destroyed
    assert.equal(db().find('VM', vm), undefined)
    assert.equal(disksOf(made).length, 3)
    assert.equal(vmRow(made).snapshot_of, vm)
  })

  test('two VMs with one disk: of two starts at once one is refused', async () => {
    const one = await newVm()
    const two = await newVm({ disks: 0 })
    const disk = disksOf(one)[0] as Refstring
    await vbdOf(two, disk)
    const results = await Promise.allSettled([invoke('VM.start', one, false, false), invoke('VM.start', two, false, false)])
    const refused = results.filter((result) => result.status === 'rejected')
    assert.equal(refused.length, 1)
    assert.deepEqual([refused[0]?.reason.code, refused[0]?.reason.params], ['VDI_IN_USE', [disk]])
    for (const vm of [one, two]) if (state(vm) !== 'Halted') await invoke('VM.hard_shutdown', vm)
  })

  test('a VM that is too big for the host is told so, with figures', async () => {
    const memory = 2 ** 40
    const vm = await newVm({ memory_static_max: memory, memory_dynamic_max: memory, memory_dynamic_min: memory })
    await assert.rejects(invoke('VM.start', vm, false, false), ({ code, params }: XapiFailure) => {
      assert.equal(code, 'HOST_NOT_ENOUGH_FREE_MEMORY')
      assert.ok(Number(params[0]) > Number(params[1]))
      return true
    })
    assert.equal(state(vm), 'Halted')
  })

  test('without its SR a VM does not start: any host, or the reason when one is named', async () => {
    const vm = await newVm()
    const pbd = list(db().get('SR', sr()), 'PBDs')[0] as Refstring
    await invoke('PBD.unplug', pbd)
    try {
      await fails(invoke('VM.start', vm, false, false), 'NO_HOSTS_AVAILABLE')
      await fails(invoke('VM.start_on', vm, pool().refs.host, false, false), 'VM_REQUIRES_SR', vm, sr())
    } finally {
      await invoke('PBD.plug', pbd)
    }
  })

  test('disks are plugged and unplugged while a guest with tools runs', async () => {
    const vm = await newVm()
    await invoke('VM.start', vm, false, false)
    const vbd = await vbdOf(vm, await newDisk())
    assert.equal(db().get('VBD', vbd).currently_attached, false)
    assert.ok((db().get('VBD', vbd).allowed_operations as string[]).includes('plug'))
    await invoke('VBD.plug', vbd)
    assert.deepEqual([db().get('VBD', vbd).currently_attached, db().get('VBD', vbd).device], [true, 'xvdb'])
    await fails(invoke('VBD.plug', vbd), 'DEVICE_ALREADY_ATTACHED', vbd)
    await fails(invoke('VBD.destroy', vbd), 'OPERATION_NOT_ALLOWED')
    await invoke('VBD.unplug', vbd)
    await fails(invoke('VBD.unplug', vbd), 'DEVICE_ALREADY_DETACHED', vbd)
    await invoke('VBD.destroy', vbd)
    await invoke('VM.hard_shutdown', vm)
  })

  test('a guest without tools takes no hot plug', async () => {
    const vm = await newVm({ tools: false })
    await invoke('VM.start', vm, false, false)
    const vbd = await vbdOf(vm, await newDisk())
    await fails(invoke('VBD.plug', vbd), 'VM_MISSING_PV_DRIVERS', vm)
    await invoke('VM.hard_shutdown', vm)
  })

  test('a drive takes and gives discs, running or not', async () => {
    const vm = await newVm()
    const disc = await newDisk({ name_label: 'disc' })
    const drive = await vbdOf(vm, NULL, { type: 'CD', mode: 'RO', empty: true })
    for (const running of [false, true]) {
      if (running) await invoke('VM.start', vm, false, false)
      await fails(invoke('VBD.eject', drive), 'VBD_IS_EMPTY', drive)
      await invoke('VBD.insert', drive, disc)
      await fails(invoke('VBD.insert', drive, disc), 'VBD_NOT_EMPTY', drive)
      assert.deepEqual([db().get('VBD', drive).VDI, db().get('VBD', drive).empty], [disc, false])
      await invoke('VBD.eject', drive)
    }
    await fails(invoke('VBD.eject', list(vmRow(vm), 'VBDs')[0]), 'VBD_NOT_REMOVABLE_MEDIA')
    await invoke('VM.hard_shutdown', vm)
  })

  test('a disk that is read by a transfer is not given to a guest that writes, and the other way round', async () => {
    const vm = await newVm()
    const disk = disksOf(vm)[0] as Refstring
    const reading = await pool().storage.attach(disk, 'RO', 'test')
    await fails(invoke('VM.start', vm, false, false), 'INTERNAL_ERROR')
    assert.equal(state(vm), 'Halted')
    await reading.detach()
    await invoke('VM.start', vm, false, false)
    await fails(pool().storage.attach(disk, 'RO', 'test'), 'INTERNAL_ERROR')
    await invoke('VM.hard_shutdown', vm)
  })

  test('content_id goes when a guest has a disk and comes back with another value', async () => {
    const vm = await newVm()
    const contentId = () => (db().get('VDI', disksOf(vm)[0] as Refstring).other_config as Row).content_id
    await invoke('VM.start', vm, false, false)
    assert.equal(contentId(), undefined)
    await invoke('VM.hard_shutdown', vm)
    const first = contentId()
    assert.equal(typeof first, 'string')
    await invoke('VM.start', vm, false, false)
    await invoke('VM.hard_shutdown', vm)
    assert.notEqual(contentId(), first)
  })

  test('a VTPM needs the pool to allow it, is one per VM, and goes along with clones unless it is unique', async () => {
    const vm = await newVm({ disks: 0 })
    db().update('pool', pool().refs.pool, { restrictions: {} })
    await fails(invoke('VTPM.create', vm, false), 'FEATURE_RESTRICTED', 'restrict_vtpm')
    db().update('pool', pool().refs.pool, { restrictions: { restrict_vtpm: 'false' } })
    const vtpm = await invoke('VTPM.create', vm, false)
    await fails(invoke('VTPM.create', vm, false), 'VTPM_MAX_AMOUNT_REACHED', '1')
    assert.equal(await invoke('VTPM.get_contents', vtpm), '')
    await invoke('VTPM.set_contents', vtpm, 'c2VjcmV0')
    const secrets = db().refs('secret').length
    await invoke('VTPM.set_contents', vtpm, 'b3RoZXI=')
    assert.equal(db().refs('secret').length, secrets)
    await fails(invoke('VTPM.set_contents', vtpm, 'no base64!'), 'INTERNAL_ERROR')
    const clone = await invoke('VM.clone', vm, 'clone')
    assert.equal(await invoke('VTPM.get_contents', list(vmRow(clone), 'VTPMs')[0]), 'b3RoZXI=')
    await invoke('VTPM.destroy', vtpm)
    const unique = await invoke('VTPM.create', vm, true)
    await invoke('VTPM.set_contents', unique, 'b3RoZXI=')
    const snapshot = await invoke('VM.snapshot', vm, 'snapshot')
    assert.equal(await invoke('VTPM.get_contents', list(vmRow(snapshot), 'VTPMs')[0]), '')
    for (const one of [snapshot, clone, vm]) await invoke('VM.destroy', one)
    assert.equal(db().refs('secret').length, secrets - 1)
  })

  test('a destroyed VM leaves its disks and nothing else', async () => {
    const classes = ['VM', 'VBD', 'VIF', 'VM_metrics', 'VM_guest_metrics', 'VBD_metrics', 'VIF_metrics', 'console']
    const counts = () => classes.map((name) => [name, db().refs(name).length])
    const before = counts()
    const vm = await newVm({ disks: 2 })
    const disks = disksOf(vm)
    await invoke('VM.start', vm, false, false)
    const snapshot = await invoke('VM.snapshot', vm, 'snapshot')
    await invoke('VM.clean_shutdown', vm)
    await invoke('VM.destroy', snapshot)
    await invoke('VM.destroy', vm)
    assert.deepEqual(counts(), before)
    for (const disk of disks) assert.ok(db().find('VDI', disk))
  })

  test('VMs of an appliance start in order and stop in the opposite one', async () => {
    const appliance = await invoke('VM_appliance.create', { name_label: 'app' })
    const vms = [await newVm({ disks: 0, order: 2 }), await newVm({ disks: 0, order: 1 })]
    for (const vm of vms) await invoke('VM.set_appliance', vm, appliance)
    const seen: string[] = []
    const stop = db().onChange((className, ref) => {
      const at = vms.indexOf(ref)
      const row = className === 'VM' && at >= 0 ? db().find('VM', ref) : undefined
      const what = row && `${row.order} ${row.power_state}`
      if (what && !seen.includes(what)) seen.push(what)
    })
    await invoke('VM_appliance.start', appliance, false)
    await invoke('VM_appliance.clean_shutdown', appliance)
    stop()
    const order = (text: string) => seen.indexOf(text)
    assert.ok(order('1 Running') >= 0 && order('1 Running') < order('2 Running'), seen.join())
    for (const vm of vms) assert.equal(state(vm), 'Halted')
    await invoke('VM_appliance.destroy', appliance)
    assert.equal(vmRow(vms[0] as Refstring).appliance, NULL)
  })

  test('a network per VLAN: PIF and VLAN come and go together, one per tag', async () => {
    const base = db()
      .refs('PIF')
      .find((pif) => db().get('PIF', pif).device === 'eth1') as Refstring
    const network = await invoke('network.create', { name_label: 'vlan', other_config: {} })
    const vlan = await invoke('VLAN.create', base, 7, network)
    const pif = db().get('VLAN', vlan).untagged_PIF as Refstring
    assert.equal(db().get('PIF', pif).VLAN, 7)
    assert.deepEqual(db().get('network', network).PIFs, [pif])
    const other = await invoke('network.create', { name_label: 'vlan again', other_config: {} })
    await fails(invoke('VLAN.create', base, 7, other), 'PIF_VLAN_EXISTS', base)
    await fails(invoke('network.destroy', network), 'NETWORK_CONTAINS_PIF', pif)
    await invoke('PIF.destroy', pif)
    assert.equal(db().find('VLAN', vlan), undefined)
    for (const one of [network, other]) await invoke('network.destroy', one)
  })

  test('a disk is offered over NBD where the network is for it, under the running port and the name in the certificate', async () => {
    const vdi = await newDisk()
    const [info] = await invoke('VDI.get_nbd_info', vdi)
    assert.deepEqual([info.address, info.port], [paris.nbd?.host, paris.nbd?.port])
    assert.match(info.exportname, new RegExp(`^/${db().get('VDI', vdi).uuid}\\?session_id=`))
    assert.equal(info.cert, await invoke('host.get_server_certificate', pool().refs.host))
    assert.ok(info.subject !== '')
    const network = db()
      .refs('network')
      .find((ref) => (db().get('network', ref).purpose as string[]).length > 0) as Refstring
    await invoke('network.remove_purpose', network, 'nbd')
    assert.deepEqual(await invoke('VDI.get_nbd_info', vdi), [])
    await invoke('network.add_purpose', network, 'nbd')
  })
})
