import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { eventually, Script } from './test-support.ts'

test('a collector that does not answer neither delays nor fails the end of the process', async () => {
  const asked: Socket[] = []
  const collector = createServer((socket) => void asked.push(socket)).listen(0, '127.0.0.1')
  await once(collector, 'listening')
  const { port } = collector.address() as AddressInfo
  const config = {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    OTEL_TRACES_SAMPLER_ARG: 1,
  }
  using script = new Script(
    { openTracing: './tracing.ts' },
    `const tracing = await openTracing(${JSON.stringify(config)})
    const { trace } = await import('${import.meta.resolve('@opentelemetry/api')}')
    trace.getTracer('test').startSpan('work').end()
    const startedMs = performance.now()
    await tracing[Symbol.asyncDispose]()
    console.log(performance.now() - startedMs < 5_000 ? 'in time' : 'late')
    process.exit()`,
  )
  await eventually('it was asked to take spans', () => asked.length > 0)
  assert.equal(await script.output, 'in time\n')
  for (const socket of asked) socket.destroy()
  collector.close()
})
