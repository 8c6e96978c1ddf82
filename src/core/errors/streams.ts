import type { ErrorArea } from './entry.ts'

const AGAIN = 'run again; if it stays, see docs/errors.md'
const REPORT = 'a mistake in this program: report it'

/** NBD: the codes of `NbdError` (src/nbd/nbd-error.ts). */
export const NBD = {
  NBD_NO_SERVER: { title: 'the pool names no NBD server for the disk', hint: 'give a network the purpose "nbd"', status: 502 },
  NBD_INSECURE: {
    title: 'the hosts serve NBD in clear text only',
    cause: 'the network has the purpose "insecure_nbd"',
    hint: 'give the network the purpose "nbd" instead, or allow clear text with --allow-insecure-nbd',
    status: 502,
  },
  NBD_CONNECT_FAILED: {
    title: "the host's NBD server could not be reached",
    hint: 'let this machine reach port 10809 of the host',
    status: 502,
  },
  NBD_CLOSED: {
    title: 'the NBD server closed the connection',
    cause: 'a host grants 16 to all its clients together',
    hint: 'see whether other backup jobs run at the same time, then run again',
    status: 502,
  },
  NBD_TIMEOUT: {
    title: 'nothing came from the NBD server for too long',
    hint: 'check the network and the load of the host, then run again',
    status: 504,
  },
  NBD_TLS_REFUSED: {
    title: 'the NBD server offers no TLS',
    cause: 'the network has the purpose "insecure_nbd"',
    hint: 'give the network the purpose "nbd" instead',
    status: 502,
  },
  NBD_TLS_FAILED: { title: 'the TLS handshake with the NBD server failed', hint: AGAIN, status: 502 },
  NBD_CERTIFICATE_MISMATCH: {
    title: 'the NBD server has another certificate than the pool names',
    cause: "the host's certificate was changed and its NBD service has the old one still, or somebody is in between",
    hint: "restart the host's NBD service after a change of certificate; otherwise do not go on",
    status: 502,
  },
  NBD_CERTIFICATE_INVALID: { title: 'the certificate that the pool names is none', hint: 'check the certificate of the host', status: 502 },
  NBD_SIZE_MISMATCH: { title: 'the NBD export has another size than the disk', hint: 'run again: was the disk resized?', status: 409 },
  NBD_SERVER_ERROR: {
    title: 'the NBD server could not read the disk',
    hint: 'look at the storage of the source (/var/log/SMlog on the host), then run again',
    status: 502,
  },
  NBD_PROTOCOL: {
    title: 'the NBD server broke the protocol',
    hint: "check that it is the host's own NBD service, and report it",
    status: 502,
  },
  NBD_OUT_OF_RANGE: { title: 'a read outside the disk', hint: REPORT, status: 500 },
  NBD_EXTENTS_INVALID: { title: 'a read outside the disk, or out of order', hint: REPORT, status: 500 },
  NBD_URI_INVALID: { title: 'an NBD address that can not be understood', hint: 'check the address', status: 422 },
} as const satisfies ErrorArea

/** Disk images in a stream, VHD and qcow2: the codes of `VhdError` and `Qcow2Error` with IMAGE_ in front. */
export const IMAGES = {
  IMAGE_TRUNCATED: {
    title: 'the stream of a disk ended too early',
    cause: 'the host gave up, or the connection went',
    hint: 'run again; if it stays, look at /var/log/xensource.log on the host',
    status: 502,
  },
  IMAGE_NOT_A_VHD: { title: 'something else came instead of a VHD', hint: AGAIN, status: 502 },
  IMAGE_NOT_A_QCOW2: { title: 'something else came instead of a qcow2 image', hint: AGAIN, status: 502 },
  IMAGE_BAD_FOOTER: { title: 'the footer of a disk image contradicts itself', hint: AGAIN, status: 502 },
  IMAGE_BAD_HEADER: { title: 'the header of a disk image contradicts itself', hint: AGAIN, status: 502 },
  IMAGE_BAD_TABLE: { title: 'the table of blocks of a disk image contradicts itself', hint: AGAIN, status: 502 },
  IMAGE_BAD_FINAL_FOOTER: { title: 'the end of a disk image contradicts its beginning', hint: AGAIN, status: 502 },
  IMAGE_TOO_LARGE: {
    title: 'a disk image is larger than is accepted',
    cause: 'a VHD holds 2 TiB at most; a table larger than any disk needs is refused as well',
    hint: 'give a network the purpose "nbd", so that the disk is read over NBD',
    status: 422,
  },
  IMAGE_NOT_FORWARD: { title: 'the parts of a disk image come in an order that can not be read from a stream', hint: REPORT, status: 502 },
  IMAGE_UNSUPPORTED: {
    title: 'a disk image of a kind that is not read',
    cause: 'a backing file, compression, encryption, or a feature that is not known',
    hint: 'give a network the purpose "nbd", so that the disk is read over NBD',
    status: 422,
  },
  IMAGE_NOT_AT_THE_END: { title: 'something follows the end of a disk image', hint: AGAIN, status: 502 },
  IMAGE_NOT_PLANNED: { title: 'something was to be written that the stream to the target has no place for', hint: REPORT, status: 500 },
} as const satisfies ErrorArea
