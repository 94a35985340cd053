import { BUCKETS, bucketOf } from './histogram.ts'

/** What was counted of one endpoint since the last flush, or in one stretch of time. */
export class Counts {
  requests = 0
  failures = 0
  connections = 0
  bytesIn = 0
  bytesOut = 0
  readonly latency: number[] = Array.from({ length: BUCKETS }, () => 0)

  get isEmpty(): boolean {
    return !(this.requests || this.connections || this.bytesIn || this.bytesOut)
  }

  answered(failed: boolean, firstByteMs: number | undefined): void {
    this.requests++
    if (failed) this.failures++
    if (firstByteMs !== undefined) this.latency[bucketOf(firstByteMs)]!++
  }

  add(other: Counts): void {
    this.requests += other.requests
    this.failures += other.failures
    this.connections += other.connections
    this.bytesIn += other.bytesIn
    this.bytesOut += other.bytesOut
    for (let at = 0; at < BUCKETS; at++) this.latency[at]! += other.latency[at]!
  }

  clear(): void {
    this.requests = this.failures = this.connections = this.bytesIn = this.bytesOut = 0
    this.latency.fill(0)
  }
}
