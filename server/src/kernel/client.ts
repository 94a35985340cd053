/** Who is at the other end of a request, as far as the connection tells. */
export interface Client {
  readonly address: string
  /** What the program calls itself. */
  readonly agent?: string
}

const MAX_AGENT = 512

export function clientAt(address: string, userAgent: string | undefined): Client {
  const agent = userAgent?.replace(/\p{Cc}+/gu, ' ').slice(0, MAX_AGENT)
  return { address, ...(agent && { agent }) }
}
