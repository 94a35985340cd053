import type { GantryError } from '@gantry/sdk'

const WHERE = 'Is it running? `gantry login --url`, or GANTRY_URL, says where.'

/** For whoever has no key that counts. */
export const KEY =
  'Make a key with the scope tunnels.* in the console, under API keys, and run gantry login.'

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
    process.stderr.write(`gantry: ${await sentence(error)}\n`)
    process.exitCode = error instanceof Stop ? error.exitCode : 1
  }
}

async function sentence(error: unknown): Promise<string> {
  const { message, cause } = error as Error
  if (error instanceof TypeError && message === 'fetch failed') {
    const { reasonOf } = await import('@gantry/sdk/tunnels')
    const reason = reasonOf(error)
    return reason.startsWith('Gantry') ? `${reason}\n        ${WHERE}` : reason
  }
  const { message: reason, code } = (cause ?? {}) as Partial<NodeJS.ErrnoException>
  // Where a name has two addresses, there is a code alone.
  const why = reason || code
  const head = why && !message.includes(why) ? `${message} (${why})` : message
  return [head, ...adviceOf(error)].join('\n        ')
}

/** What is wrong with each member that is, or what to change. */
function adviceOf(error: unknown): string[] {
  const { errors, suggestion, status } = error as Partial<GantryError>
  if (status === 401) return [KEY]
  const wrong = errors?.flatMap(({ path, message }) => (path ? [`${path}: ${message}`] : [])) ?? []
  return wrong.length > 0 || !suggestion ? wrong : [suggestion]
}
