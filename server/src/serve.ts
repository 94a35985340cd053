import { ConfigError } from '#kernel/config.ts'
import { openTracing } from '#kernel/tracing.ts'
import { readConfig } from './environment.ts'

/** Runs the product; resolves with the exit status of the process. */
export async function serve(overrides: Record<string, string | undefined> = {}): Promise<number> {
  try {
    const config = readConfig(overrides)
    await using tracing = await openTracing(config)
    // Only now: what is traced has to be imported after the tracing that instruments it.
    const { run } = await import('./main.ts')
    await run(config, tracing?.traceIds)
    return 0
  } catch (error) {
    process.stderr.write(`\n${explain(error)}\n`)
    return 1
  }
}

/** What a person at the terminal needs: the messages of the error and of what caused it. */
function explain(error: unknown): string {
  if (error instanceof ConfigError) return error.message
  const messages: string[] = []
  for (let at = error; at instanceof Error && messages.length < 5; at = at.cause) {
    const { message } = at
    if (!messages.some((known) => known.includes(message))) messages.push(message)
  }
  return `Gantry cannot run: ${messages.join('\n  because: ') || String(error)}`
}
