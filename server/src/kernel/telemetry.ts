import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

const HTTP_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const DATABASE_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5]

/** One request that was refused or failed. */
export interface CountedProblem {
  readonly code: string
  readonly status: number
  /** The route's pattern, or `none` when no route answers the path. */
  readonly route: string
}

/** The process's metrics in Prometheus form. Labels are route patterns and names from the code, never what a caller sent. */
export interface Telemetry {
  readonly registry: Registry
  request(method: string, route: string, status: number, seconds: number): void
  problem(problem: CountedProblem): void
  /** Hands each counted problem on; the listener must neither wait nor throw. */
  onProblem(listener: (problem: CountedProblem) => void): void
  query(durationMs: number, failed: boolean): void
  transaction(outcome: 'committed' | 'rolled_back', durationMs: number): void
  job(name: string, outcome: 'done' | 'failed', seconds: number): void
  event(kind: string): void
  /** A sealed secret did not open. */
  unsealingFailed(purpose: string): void
  /** Makes a counter; what it gives adds to it, under a value of the label if it has one. */
  counter(name: string, help: string, label?: string): (by: number, value?: string) => void
  /** A gauge read at each scrape; a read that throws leaves it out of that scrape. */
  gauge(name: string, help: string, read: () => number | Promise<number>): void
  /** One gauge with a value for each label. */
  labelled(
    name: string,
    help: string,
    label: string,
    read: () => Promise<Record<string, number>>,
  ): void
}

export function openTelemetry(): Telemetry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'gantry_' })
  const registers = [registry]
  const requests = new Histogram({
    name: 'gantry_http_request_duration_seconds',
    help: 'Time from the first byte of a request to the last of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: HTTP_BUCKETS,
    registers,
  })
  const problems = new Counter({
    name: 'gantry_problems_total',
    help: 'Requests refused or failed, by problem code',
    labelNames: ['code', 'route'],
    registers,
  })
  const queries = new Histogram({
    name: 'gantry_database_query_duration_seconds',
    help: 'Time of one SQL statement, waiting for a connection included',
    labelNames: ['outcome'],
    buckets: DATABASE_BUCKETS,
    registers,
  })
  const transactions = new Histogram({
    name: 'gantry_database_transaction_duration_seconds',
    help: 'Time of one transaction, with its retries',
    labelNames: ['outcome'],
    buckets: DATABASE_BUCKETS,
    registers,
  })
  const jobs = new Histogram({
    name: 'gantry_job_duration_seconds',
    help: 'Time of one try of a job',
    labelNames: ['job', 'outcome'],
    buckets: HTTP_BUCKETS,
    registers,
  })
  const events = new Counter({
    name: 'gantry_events_total',
    help: 'Facts announced',
    labelNames: ['kind'],
    registers,
  })
  const unsealing = new Counter({
    name: 'gantry_unsealing_failures_total',
    help: 'Sealed secrets that did not open, by what they are for',
    labelNames: ['purpose'],
    registers,
  })
  const listeners: ((problem: CountedProblem) => void)[] = []
  return {
    registry,
    request: (method, route, status, seconds) =>
      requests.observe({ method, route, status: String(status) }, seconds),
    problem: (problem) => {
      problems.inc({ code: problem.code, route: problem.route })
      for (const listener of listeners) listener(problem)
    },
    onProblem: (listener) => void listeners.push(listener),
    query: (durationMs, failed) =>
      queries.observe({ outcome: failed ? 'failed' : 'ok' }, durationMs / 1000),
    transaction: (outcome, durationMs) => transactions.observe({ outcome }, durationMs / 1000),
    job: (job, outcome, seconds) => jobs.observe({ job, outcome }, seconds),
    event: (kind) => events.inc({ kind }),
    unsealingFailed: (purpose) => unsealing.inc({ purpose }),
    counter: (name, help, label) => counter(registry, name, help, label),
    gauge: (name, help, read) => gauge(registry, name, help, read),
    labelled: (name, help, label, read) => labelled(registry, name, help, label, read),
  }
}

function counter(registry: Registry, name: string, help: string, label?: string) {
  const labelNames = label === undefined ? [] : [label]
  const made = new Counter({ name, help, labelNames, registers: [registry] })
  return (by: number, value = '') => {
    if (label === undefined) made.inc(by)
    else made.inc({ [label]: value }, by)
  }
}

function gauge(
  registry: Registry,
  name: string,
  help: string,
  read: () => number | Promise<number>,
) {
  new Gauge({
    name,
    help,
    registers: [registry],
    async collect() {
      try {
        this.set(await read())
      } catch {
        this.reset()
      }
    },
  })
}

function labelled(
  registry: Registry,
  name: string,
  help: string,
  label: string,
  read: () => Promise<Record<string, number>>,
) {
  new Gauge({
    name,
    help,
    labelNames: [label],
    registers: [registry],
    async collect() {
      this.reset()
      try {
        for (const [of, value] of Object.entries(await read())) this.set({ [label]: of }, value)
      } catch {
        this.reset()
      }
    },
  })
}
