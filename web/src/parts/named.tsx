/** A name that may be cut off where it stands: the whole of it on hover. */
export const Named = ({ name }: { readonly name: string }) => <span title={name}>{name}</span>
