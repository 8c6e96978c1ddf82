/**
 * Memory that several blocks share: gives a `release` for each holder. The last to be called frees the memory; calling one twice does
 * nothing more.
 */
export function sharedRelease(holders: number, free: () => void): () => () => void {
  let left = holders
  return () => {
    let released = false
    return () => {
      if (released) return
      released = true
      left--
      if (left === 0) free()
    }
  }
}
