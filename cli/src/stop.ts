import type { GantryError } from '@gantry/sdk'

const WHERE = 'Is it running? `gantry login --url`, or GANTRY_URL, says where.'

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
  const { message, cause } = error as Error
  const isUnreachable = error instanceof TypeError && message === 'fetch failed'
  const { message: reason, code } = (cause ?? {}) as Partial<NodeJS.ErrnoException>
  // Where a name has two addresses, there is a code alone.
  const why = reason || code
  const head = isUnreachable ? 'Gantry does not answer' : message
  const advice = isUnreachable ? [WHERE] : adviceOf(error)
  return [why && !head.includes(why) ? `${head} (${why})` : head, ...advice].join('\n        ')
}

/** What is wrong with each member that is, or what to change. */
function adviceOf(error: unknown): string[] {
  const { errors, suggestion } = error as Partial<Pick<GantryError, 'errors' | 'suggestion'>>
  const wrong = errors?.flatMap(({ path, message }) => (path ? [`${path}: ${message}`] : [])) ?? []
  return wrong.length > 0 || !suggestion ? wrong : [suggestion]
}
