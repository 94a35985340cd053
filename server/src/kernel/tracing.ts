import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace'
import type { Config } from './config.ts'
import { scrub } from './log.ts'
import { within } from './within.ts'

const LAST_SPANS_MS = 2_000

export interface Tracing extends AsyncDisposable {
  /** Of the span that is current; empty outside of one. */
  traceIds(): Record<string, string>
}

/**
 * Spans over HTTP, PostgreSQL and outgoing calls, sent to the collector; nothing is loaded unless one is configured. Opened before
 * what it instruments is imported.
 */
export async function openTracing(config: Config): Promise<Tracing | undefined> {
  const endpoint = config.OTEL_EXPORTER_OTLP_ENDPOINT
  if (!endpoint) return undefined
  const [{ trace }, { NodeSDK }, sampling, { OTLPTraceExporter }, http, pg, undici] =
    await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/sdk-node'),
      import('@opentelemetry/sdk-trace'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/instrumentation-http'),
      import('@opentelemetry/instrumentation-pg'),
      import('@opentelemetry/instrumentation-undici'),
    ])
  const sdk = new NodeSDK({
    serviceName: 'gantry',
    traceExporter: scrubbing(new OTLPTraceExporter({ url: `${endpoint}/v1/traces` })),
    sampler: new sampling.ParentBasedSampler({
      root: new sampling.TraceIdRatioBasedSampler(config.OTEL_TRACES_SAMPLER_ARG),
    }),
    instrumentations: [
      new http.HttpInstrumentation({ ignoreIncomingRequestHook: ({ url }) => holdsSecret(url) }),
      new pg.PgInstrumentation(),
      new undici.UndiciInstrumentation(),
    ],
  })
  sdk.start()
  return {
    traceIds: (): Record<string, string> => {
      const { traceId, spanId } = trace.getActiveSpan()?.spanContext() ?? {}
      return traceId && spanId ? { traceId, spanId } : {}
    },
    // A collector that is away loses the last spans; it neither delays nor fails the end of the process.
    [Symbol.asyncDispose]: async () => {
      await within(LAST_SPANS_MS, sdk.shutdown()).catch(() => false)
    },
  }
}

/** Capability URLs, and `?apiKey=`: a span holds the path and the query as they came. */
function holdsSecret(url = ''): boolean {
  return /^\/(?:cdp|live)(?:[/?]|$)|[?&]apiKey=/i.test(url)
}

/** Hands spans on without what looks like a secret in them: they hold URLs with their queries, and what errors say. */
function scrubbing(exporter: SpanExporter): SpanExporter {
  return {
    export: (spans, done) => {
      spans.forEach(scrubSpan)
      exporter.export(spans, done)
    },
    shutdown: () => exporter.shutdown(),
    ...(exporter.forceFlush && { forceFlush: () => exporter.forceFlush!() }),
  }
}

function scrubSpan({ attributes, events, status }: ReadableSpan): void {
  for (const each of [attributes, ...events.map((event) => event.attributes ?? {})]) {
    for (const [name, value] of Object.entries(each)) {
      if (typeof value !== 'string') continue
      // A query stands without its question mark.
      each[name] = name === 'url.query' ? scrub(`?${value}`).slice(1) : scrub(value)
    }
  }
  if (status.message) status.message = scrub(status.message)
}
