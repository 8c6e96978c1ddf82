/**
 * The control address of a simulated pool: plain HTTP and JSON on 127.0.0.1, for what is done to a pool from behind: writing
 * as its guests, making VMs, comparing disks, moving its clock, stopping it. Requests and answers are JSON objects:
 *
 * | request              | body                                                                | answer                          |
 * |----------------------|---------------------------------------------------------------------|---------------------------------|
 * | `GET /`              |                                                                     | pool's name, what there is      |
 * | `GET /vms`           |                                                                     | `{vms: [{uuid, name, power_state, disks: [{userdevice, vdi, size, guest_nbd}]}]}` |
 * | `POST /vms`          | `{name, disks: [{size, content, fill, seed}], start, tools, tags…}` | `{vm}`                          |
 * | `POST /import`       | `{name, sr, files: [path], start…}`                                 | `{vm, formats}`                 |
 * | `POST /guest/write`  | `{vdi or vm+userdevice, extents, pattern: {kind, seed}}`            | `{bytes, count, extents}`       |
 * | `POST /guest/random` | `{vdi or vm+userdevice, count or bytes, granule, region, seed}`     | `{bytes, count, extents}`       |
 * | `POST /guest/rate`   | `{vdi or vm+userdevice, bytesPerSecond, …}` or `{stop: id}`         | the writer's state              |
 * | `GET /guest/writers` |                                                                     | `{writers}`                     |
 * | `POST /disk/hash`    | `{vdi, extents}` or `{vdi, skipZeroes: true}`                       | `{vdi, size, sha256, bytes}`    |
 * | `GET, POST /clock`   | `{offset}` (ms) or `{set}` (ISO 8601)                               | `{now}`                         |
 * | `GET, POST /settings`| any of `{nbdDetachMs, attachMs, badLoginMs, coalesceMs…}`           | all of them                     |
 * | `GET /hosts`         |                                                                     | `{hosts}`                       |
 * | `POST /hosts/UUID/stop`, `/start`, `/reboot` | `{clean}`                                   | `{host}`                        |
 * | `POST /pool/designate_new_master` | `{host}`                                               | `{host}`                        |
 * | `GET, POST /srs`     | `{name, kind, size, shared}`                                        | `{sr}`                          |
 * | `POST /srs/UUID`     | `{size}`                                                            | `{sr}`                          |
 * | `POST /disk/snapshots` | `{vdi, count}`                                                    | `{snapshots, depth}`            |
 * | `POST /nbd`          | `{purpose, network}`                                                | `{networks}`                    |
 * | `GET, POST, DELETE /faults`, `DELETE /faults/ID` | `{kind, match, count, skip…}`      | the faults, or the new one      |
 * | `GET /faults/fired`, `GET /calls` | `?since=NUMBER`                                        | what struck; what was asked     |
 * | `POST /pool/stop`, `/pool/start`, `/pool/restart` |                                        | `{running}`                     |
 *
 * docs/lab.md says it with examples. Errors: see `startControlServer`.
 */
import { type ControlRoutes, type ControlServer, startControlServer } from './control-server.ts'
import type { ControlledPool } from './controlled-pool.ts'
import { faultRoutes } from './fault-routes.ts'
import { guestRoutes } from './guest-routes.ts'
import { hostRoutes } from './host-routes.ts'
import { poolRoutes } from './pool-routes.ts'
import { storageRoutes } from './storage-routes.ts'
import { vmRoutes } from './vm-routes.ts'

export function startControl(controlled: ControlledPool, port: number): Promise<ControlServer> {
  const routes: ControlRoutes = {
    ...vmRoutes(controlled),
    ...guestRoutes(controlled),
    ...poolRoutes(controlled),
    ...faultRoutes(controlled.faults),
    ...storageRoutes(controlled),
    ...hostRoutes(controlled),
  }
  const list = Object.entries(routes).map(([request, { what }]) => ({ request, what }))
  const root = { what: 'this list', answer: () => ({ pool: controlled.name, running: controlled.current() !== undefined, requests: list }) }
  return startControlServer({ ...routes, 'GET /': root }, port)
}
