import { useSearchParams } from 'react-router'

/** What a list is narrowed to, kept in the address: so that it can be sent to somebody, and the way back leads to it. */
export function useNarrowing() {
  const [parameters, setParameters] = useSearchParams()
  return {
    parameters,
    /** Nothing, or an empty text: not narrowed by it any more. */
    narrow(key: string, value: string | null) {
      const changed = new URLSearchParams(parameters)
      if (value === null || value === '') changed.delete(key)
      else changed.set(key, value)
      setParameters(changed, { replace: true })
    },
    /** @param kept what stays in the address */
    clear(kept: Readonly<Record<string, string>> = {}) {
      setParameters(kept, { replace: true })
    },
  }
}
