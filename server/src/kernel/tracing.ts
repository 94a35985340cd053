import type { Config } from './config.ts'
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
    traceExporter: new OTLPTraceExporter({ url: `${endpoint}/v1/traces` }),
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
