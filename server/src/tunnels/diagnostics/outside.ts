/** What anybody outside would see of a tunnel. */
export interface Outside {
  /** Addresses of a host name. @throws Error when it has none, or nobody can tell in time */
  resolve(hostname: string, signal: AbortSignal): Promise<readonly string[]>
  /** What is wrong with the certificate that is shown at an address for a hostname; undefined when nothing is. @throws Error when nobody answers in time */
  certificateFault(
    at: { hostname: string; address: string; port: number },
    signal: AbortSignal,
  ): Promise<string | undefined>
}
