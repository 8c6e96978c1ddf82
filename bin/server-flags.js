/**
 * What a server is started with. Most of what it allocates is short-lived (an answer, an event), and what lives is some 50 MiB with 2,000 VMs:
 * V8 would grow the space for new objects to 128 MiB and let garbage pile up to four times of what lives, because memory is there. Measured
 * in docs/figures.md; the processor time is the same.
 */
export const serverFlags = ['--max-semi-space-size=8', '--heap-growing-percent=100']
