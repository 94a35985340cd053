/** What ends a command with a sentence for a person, and an exit status. */
export class Stop extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode = 1) {
    super(message)
    this.exitCode = exitCode
  }
}

/** Runs a command; what stops it is said in a sentence, not as a stack. */
export async function orStop(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    process.stderr.write(`gantry: ${sentence(error)}\n`)
    process.exitCode = error instanceof Stop ? error.exitCode : 1
  }
}

function sentence(error: unknown): string {
  const { message, suggestion, cause } = error as Error & { suggestion?: string }
  const why =
    cause instanceof Error && !message.includes(cause.message) ? ` (${cause.message})` : ''
  return [`${message}${why}`, suggestion].filter(Boolean).join('\n        ')
}
