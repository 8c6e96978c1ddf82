/** Told how much of how much is done. */
export type PercentReport = (done: number, total: number) => void

/** Passes progress on as a fraction, only when the whole percentage has changed: the steps that the transfer tool reports in. */
export function percentSteps(progress: (fraction: number) => void): PercentReport {
  let last = 0
  return (done, total) => {
    const percent = total === 0 ? 100 : Math.floor((done / total) * 100)
    if (percent === last) return
    last = percent
    progress(percent / 100)
  }
}
