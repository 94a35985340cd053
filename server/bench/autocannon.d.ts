declare module 'autocannon' {
  /** Sends requests over keep-alive connections for `duration` seconds. */
  export default function autocannon(options: {
    url: string
    connections: number
    duration: number
    /** Of one request, in seconds. */
    timeout?: number
    headers?: Record<string, string>
  }): Promise<{
    duration: number
    requests: { total: number }
    latency: { p50: number; p99: number }
    errors: number
    timeouts: number
    non2xx: number
  }>
}
