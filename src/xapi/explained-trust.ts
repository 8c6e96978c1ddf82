/** Trust policies in order, and which of them accepted: for whoever has to tell why a certificate is trusted. */
import type { TrustAnswer, TrustPolicy } from './trust.ts'

export interface ExplainedTrust extends TrustPolicy {
  /** Label of the policy that accepted the address's certificate; undefined when none has so far. */
  acceptedBy(address: string): string | undefined
}

/** The first that accepts decides; otherwise a changed certificate outweighs an unknown one. */
export function explainedTrust(policies: readonly (readonly [label: string, policy: TrustPolicy])[]): ExplainedTrust {
  const labels = new Map<string, string>()
  return {
    acceptedBy: (address) => labels.get(address),
    async check(address, fingerprint) {
      let answer: TrustAnswer = 'refused'
      for (const [label, policy] of policies) {
        const one = await policy.check(address, fingerprint)
        if (one === 'accepted') {
          labels.set(address, label)
          return one
        }
        if (one !== 'refused') answer = one
      }
      return answer
    },
  }
}
