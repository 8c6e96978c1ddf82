import type { ErrorArea } from './entry.ts'

const REACH = 'check the address, the network and that the host is up'

/** Reaching a pool. Those of a connection are `ConnectionFailure` (src/xapi/errors.ts) with POOL_ in front. */
export const REACHING = {
  POOL_UNREACHABLE: { title: 'the host name is not known, or there is no way to the address', hint: REACH, status: 502 },
  POOL_REFUSED: { title: 'nothing listens at the address', hint: 'check the port, and that the toolstack is up', status: 502 },
  POOL_TIMEOUT: { title: 'the pool took too long', hint: REACH, status: 504 },
  POOL_BROKEN: {
    title: 'the connection to the pool ended in the middle',
    cause: 'a toolstack that restarts looks like this',
    hint: 'run again; if it stays, check the network and that the host is up',
    status: 502,
  },
  POOL_TLS: {
    title: 'something listens there, but does not speak TLS, or showed no certificate',
    hint: 'check the port: it must be HTTPS',
    status: 502,
  },
  POOL_NOT_XAPI: {
    title: 'something answers there, but not as XAPI does',
    hint: "check the address: is it a pool's host?",
    status: 502,
  },
  POOL_TOO_LARGE: {
    title: 'a request or an answer is larger than is accepted',
    hint: 'report it: no pool should come near that',
    status: 502,
  },
  POOL_PLAIN_HTTP: { title: "the pool's master would be talked to without encryption", hint: 'use https://', status: 422 },
  POOL_CLOSED: {
    title: 'this program closed the connection itself',
    hint: 'report it, unless the run was being stopped',
    status: 500,
  },
  POOL_URL_INVALID: {
    title: 'this is not the URL of a pool',
    hint: 'write it as https://user:password@host, user and password percent-encoded',
    status: 422,
  },
} as const satisfies ErrorArea

/** Certificates: nothing was sent to the host, the password least of all. */
export const CERTIFICATES = {
  CERTIFICATE_UNKNOWN: {
    title: 'the certificate was not seen before, and nobody accepted it',
    hint: 'compare the fingerprint with the one the host shows, then accept it with --trust',
    status: 409,
  },
  CERTIFICATE_CHANGED: {
    title: 'another certificate was accepted for this address before',
    cause: 'the host was reinstalled or got a new certificate, or somebody is in between',
    hint: 'accept it with --trust if the change is expected; otherwise do not go on',
    status: 409,
  },
  KNOWN_CERTIFICATES_UNREADABLE: {
    title: 'the file of certificates accepted earlier can not be read or understood',
    hint: 'mend the line named, or remove it to be asked again',
    status: 500,
  },
} as const satisfies ErrorArea

/** XAPI's own errors: those to expect, under XAPI's own code. All others are XAPI_ERROR, which names the code. */
export const XAPI = {
  SESSION_AUTHENTICATION_FAILED: {
    title: 'the pool refuses the user name or the password',
    hint: 'check the credentials in the URL (percent-encode special characters)',
    status: 422,
  },
  HOST_IS_SLAVE: { title: 'the host is not the pool master', hint: 'name the master', status: 422 },
  HOST_STILL_BOOTING: { title: 'the host is still starting', hint: 'try again in a few minutes', status: 503 },
  RBAC_PERMISSION_DENIED: { title: 'the user may not do this', hint: 'use a pool administrator’s account', status: 422 },
  OPERATION_BLOCKED: {
    title: 'an operation is blocked on this VM',
    hint: 'see its blocked operations (xe vm-param-get param-name=blocked-operations)',
    status: 409,
  },
  OTHER_OPERATION_IN_PROGRESS: {
    title: 'another operation on the same object is under way',
    hint: 'run again when it has ended',
    status: 409,
  },
  SR_BACKEND_FAILURE_109: {
    title: 'the chain of snapshots of a disk is too long',
    hint: 'delete snapshots and give the storage time to coalesce, then run again',
    status: 409,
  },
  VDI_IO_ERROR: {
    title: 'the storage reported an I/O error',
    cause: 'a transfer that was cut off looks the same',
    hint: 'look at the storage’s log on the host (/var/log/SMlog), then run again',
    status: 502,
  },
  VDI_IN_USE: { title: 'a disk is still in use', hint: 'see what holds it (xe vbd-list vdi-uuid=…), then run again', status: 409 },
  HANDLE_INVALID: { title: 'an object was deleted while the run used it', hint: 'run again', status: 409 },
  INTERNAL_ERROR: {
    title: 'a fault in the toolstack of the pool',
    hint: 'look at its log on the host (/var/log/xensource.log), then run again',
    status: 502,
  },
  TASK_CANCELLED: { title: 'somebody cancelled a task of the run on the pool', hint: 'run again', status: 409 },
  SESSION_INVALID: { title: 'the pool ended the session, and a new one did not help', hint: 'run again', status: 502 },
  CBT_RESULT_EMPTY: {
    title: 'the pool answered the question for changed blocks with nothing',
    hint: 'none is needed: the run reads another way',
    status: 502,
  },
  CBT_BITMAP_TOO_SHORT: {
    title: 'the pool answered the question for changed blocks with less than the disk',
    hint: 'none is needed: the run reads another way',
    status: 502,
  },
  XAPI_ERROR: { title: 'the pool refused a call', hint: 'see the code; docs/errors.md tells the common ones', status: 502 },
} as const satisfies ErrorArea
