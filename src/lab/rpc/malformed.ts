/** A body that is no RPC call at all: answered with an HTML page of HTTP status 500. */
export class Malformed extends Error {
  constructor(why: string) {
    super(why)
    this.name = 'Malformed'
  }
}
