/** Takes out of a text what looks like a secret of ours, for logs: whoever put it there. */

export const scrub = (text: string): string =>
  text
    .replaceAll(/usy_[\w-]+/g, 'usy_(hidden)')
    .replaceAll(/([a-z][a-z0-9+]*:\/\/)[^\s/@'"]+@/gi, '$1')
    .replaceAll(/OpaqueRef:[\w-]+/g, 'OpaqueRef:(hidden)')
