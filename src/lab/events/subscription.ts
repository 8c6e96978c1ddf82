/** What a client wants to hear of: `*`, a class, or one object; whatever else is accepted and matches nothing. */
export interface Subscription {
  /** Whether an object of the class can match at all. */
  mayMatch(className: string): boolean
  matches(className: string, ref: string): boolean
  /** Only tasks are asked for. */
  readonly tasksOnly: boolean
}

export function parseSubscription(wanted: readonly string[]): Subscription {
  const all = wanted.includes('*')
  const classes = new Set<string>()
  const objects = new Map<string, Set<string>>()
  for (const one of wanted) {
    const slash = one.indexOf('/')
    if (slash < 0) {
      if (one !== '*') classes.add(one.toLowerCase())
      continue
    }
    const className = one.slice(0, slash).toLowerCase()
    const refs = objects.get(className) ?? new Set()
    objects.set(className, refs.add(one.slice(slash + 1)))
  }
  // `*` stands for every class but session.
  const whole = (lower: string) => (all && lower !== 'session') || classes.has(lower)
  return {
    mayMatch: (className) => whole(className.toLowerCase()) || objects.has(className.toLowerCase()),
    matches: (className, ref) => whole(className.toLowerCase()) || (objects.get(className.toLowerCase())?.has(ref) ?? false),
    tasksOnly: !all && [...classes, ...objects.keys()].every((name) => name === 'task') && wanted.length > 0,
  }
}
