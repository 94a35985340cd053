import { cutText } from './fitting.ts'

type Params = Record<string, unknown>

/** A value of the page as DevTools describes it. */
interface RemoteObject {
  type: string
  subtype?: string
  value?: unknown
  unserializableValue?: string
  description?: string
  preview?: Preview
}

interface Preview {
  description?: string
  subtype?: string
  overflow: boolean
  properties: { name: string; value?: string; type: string }[]
}

interface CallFrame {
  functionName: string
  url: string
  lineNumber: number
  columnNumber: number
}

const MAX_ARGUMENTS = 10
const MAX_ARGUMENT = 1_024
const MAX_TEXT = 4_096
const MAX_STACK_FRAMES = 10

/** What a page gave to `console`. */
export function consoleCall({ type, args, stackTrace }: Params): Params {
  const values = (args as RemoteObject[]).slice(0, MAX_ARGUMENTS).map(describe)
  return {
    type: 'console',
    level: String(type),
    text: cutText(values.join(' '), MAX_TEXT),
    arguments: values,
    ...place(firstFrame(stackTrace)),
  }
}

/** An error that nobody caught. */
export function exceptionThrown({ exceptionDetails }: Params): Params {
  const details = exceptionDetails as Params
  const exception = details.exception as RemoteObject | undefined
  const text = exception ? describe(exception) : String(details.text)
  const where = firstFrame(details.stackTrace) ?? (details as unknown as CallFrame)
  return {
    type: 'exception',
    level: 'error',
    text: cutText(text, MAX_TEXT),
    stack: stackOf(details.stackTrace),
    ...place(where),
  }
}

/** What the browser says about a page: a request that failed, a policy that was violated. */
export function logEntry({ source, level, text, url, lineNumber }: Params): Params {
  return {
    type: 'browser',
    level: String(level),
    text: cutText(`${String(source)}: ${String(text)}`, MAX_TEXT),
    ...(url !== undefined && { url: cutText(String(url), 2_048) }),
    ...(lineNumber !== undefined && { line: Number(lineNumber) + 1 }),
  }
}

function describe(object: RemoteObject): string {
  const { type, value, unserializableValue, preview, description } = object
  if (unserializableValue !== undefined) return unserializableValue
  if (type === 'string') return cutText(String(value), MAX_ARGUMENT)
  if (preview && object.subtype !== 'error') return cutText(describePreview(preview), MAX_ARGUMENT)
  return cutText(description ?? String(value), MAX_ARGUMENT)
}

function describePreview({ properties, subtype, overflow, description }: Preview): string {
  const isList = subtype === 'array'
  const parts = properties.map(({ name, value, type }) => {
    const shown = type === 'string' ? JSON.stringify(value ?? '') : (value ?? type)
    return isList ? shown : `${name}: ${shown}`
  })
  if (overflow) parts.push('…')
  if (isList) return `[${parts.join(', ')}]`
  const name = description && description !== 'Object' ? `${description} ` : ''
  return `${name}{${parts.join(', ')}}`
}

function firstFrame(stackTrace: unknown): CallFrame | undefined {
  return (stackTrace as { callFrames: CallFrame[] } | undefined)?.callFrames[0]
}

function stackOf(stackTrace: unknown): string[] {
  const frames = (stackTrace as { callFrames: CallFrame[] } | undefined)?.callFrames ?? []
  return frames
    .slice(0, MAX_STACK_FRAMES)
    .map(({ functionName, url, lineNumber, columnNumber }) => {
      return cutText(
        `${functionName || '(anonymous)'} ${url}:${lineNumber + 1}:${columnNumber + 1}`,
        512,
      )
    })
}

function place(frame: CallFrame | undefined): Params {
  if (!frame) return {}
  const { url, lineNumber, columnNumber } = frame
  return { url: cutText(url ?? '', 2_048), line: lineNumber + 1, column: columnNumber + 1 }
}
