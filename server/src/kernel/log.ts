import pino, { type Logger as PinoLogger } from 'pino'
import { type LogFile, openDestination, openLogFile } from './log-file.ts'
import { within } from './within.ts'

export type Logger = PinoLogger

/** Which subsystem a line belongs to; every logger has one, and `LOG_LEVEL` may set a level for each. */
export type Levels = { default: string; byCategory: Readonly<Record<string, string>> }

export interface LogOptions {
  levels: Levels
  /** Directory for `combined.log` and `error.log`; no files when absent. */
  directory?: string
  /** `pretty` for a person at a terminal, `json` for a collector, `none` for tests. */
  console: 'pretty' | 'json' | 'none'
  /** The ids of the trace that is current, for each line. */
  traceIds?: () => Record<string, string>
  /** Where console lines go; standard output unless a test looks at them. */
  destination?: NodeJS.WritableStream
}

export interface Log extends AsyncDisposable {
  readonly root: Logger
  /** A logger of one subsystem, at the level that the configuration gives it. */
  category(name: string): Logger
  /** Hands over the finished lines of one subsystem, redacted as in the log, until the returned function is called. */
  follow(category: string, take: (line: string) => void): () => void
}

/** Lines are written together, since a system call for each costs more than the line: 8 KiB, or what came in 200 ms. */
const TOGETHER = { minLength: 8 * 1024, periodicFlush: 200 }
const LAST_FLUSH_MS = 1_000
/** A log line longer than this is cut: a 1 MB user agent must not fill the disk. */
const MAX_TEXT_LENGTH = 4096

/**
 * Opens the process's log. One JSON object a line with `time` (ISO 8601, UTC), `level`, `category`, `msg` and, inside a request,
 * `correlationId`: a shape that Loki and Elasticsearch read without a parser.
 */
export async function openLog(options: LogOptions): Promise<Log> {
  const streams = [...consoleStream(await prettyOrPlain(options)), ...(await files(options))]
  const followers = new Followers()
  const lowest = lowestLevel(options.levels)
  const root = pino(
    {
      level: options.levels.default,
      base: undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      messageKey: 'msg',
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => redact(fields) as Record<string, unknown>,
      },
      // The formatter has made fields of it; a second pass would take its `code` for a secret.
      serializers: { err: (described) => described },
      hooks: { logMethod: scrubMessage },
      ...(options.traceIds && { mixin: options.traceIds }),
    },
    pino.multistream(
      [...streams, { stream: followers }].map((entry) => ({ level: lowest, ...entry })),
      { dedupe: false },
    ),
  )
  redactBindings(root)
  return {
    root,
    category: (name) => {
      const level = options.levels.byCategory[name] ?? options.levels.default
      return root.child({ category: name }, { level })
    },
    follow: (category, take) => followers.add(category, take),
    [Symbol.asyncDispose]: () => close(streams),
  }
}

/** Those who read along. */
class Followers {
  readonly #all = new Map<(line: string) => void, string>()

  add(category: string, take: (line: string) => void): () => void {
    this.#all.set(take, `"category":${JSON.stringify(category)}`)
    return () => this.#all.delete(take)
  }

  write(line: string): void {
    for (const [take, mark] of this.#all) if (line.includes(mark)) take(line)
  }
}

/** Fields that a child logger carries go around the formatter, so they are redacted as it is made; its own children inherit this. */
function redactBindings(root: Logger): void {
  const { child } = root
  root.child = function (this: Logger, bindings: object, options?: object) {
    return child.call(this, redact(bindings) as object, options)
  } as typeof child
}

type Entry = { stream: NodeJS.WritableStream; level?: pino.Level }

async function prettyOrPlain(options: LogOptions): Promise<NodeJS.WritableStream | undefined> {
  if (options.console === 'none' && !options.destination) return undefined
  if (options.console !== 'pretty') {
    return options.destination ?? standardOutput()
  }
  const { default: pretty } = await import('pino-pretty')
  return pretty({
    destination: options.destination ?? process.stdout,
    sync: true,
    colorize: true,
    translateTime: 'HH:MM:ss.l',
    ignore: 'category,correlationId',
    messageFormat: '{msg} \u001b[2m{category}\u001b[0m',
  })
}

function standardOutput(): NodeJS.WritableStream {
  // When whoever read it has gone, the product goes on, and the files have the lines.
  return asStream(openDestination({ dest: 1, ...TOGETHER }))
}

function consoleStream(stream: NodeJS.WritableStream | undefined): Entry[] {
  return stream ? [{ stream }] : []
}

async function files({ directory }: LogOptions): Promise<Entry[]> {
  if (!directory) return []
  return [
    { stream: asStream(await openLogFile(directory, 'combined', TOGETHER)) },
    { stream: asStream(await openLogFile(directory, 'error')), level: 'error' },
  ]
}

function asStream(file: LogFile): NodeJS.WritableStream {
  return file as unknown as NodeJS.WritableStream
}

async function close(streams: Entry[]): Promise<void> {
  const buffered = streams.map(({ stream }) => stream).filter(isBuffered)
  const flushed = buffered.map((stream) => new Promise<void>((done) => stream.flush(() => done())))
  await within(LAST_FLUSH_MS, Promise.all(flushed))
  for (const stream of buffered) stream.flushSync()
}

type Buffered = NodeJS.WritableStream & { flush(done: () => void): void; flushSync(): void }

function isBuffered(stream: NodeJS.WritableStream): stream is Buffered {
  return 'flushSync' in stream && 'flush' in stream
}

function lowestLevel(levels: Levels): pino.Level {
  const all = [levels.default, ...Object.values(levels.byCategory)]
  return all.sort(
    (a, b) => (pino.levels.values[a] ?? 0) - (pino.levels.values[b] ?? 0),
  )[0] as pino.Level
}

const SECRET_NAME =
  /pass(word|phrase)?|secret|token|authorization|cookie|api[-_]?key|private[-_]?key|credential|signature|^code$|^state$|^otp$|card/i
const SECRET_VALUE =
  /\b(eyJ[\w-]{8,}\.[\w-]+\.[\w-]*|(?:Bearer|Basic)\s+[\w.~+/-]+=*|whsec_[\w+/=]+|sk_[\w]{8,}|gty_[\w]{8,}|gk_(?:live|test)_\w{8,})/g
const SECRET_LOGIN = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s@"'?#]+@/gi
const SECRET_QUERY =
  /([?&#](?:[\w-]*(?:token|secret|password|api_?key|signature|credential)|code|state|setup)=)[^&\s"']+/gi
/** A member of JSON, a header or an assignment inside of a text. */
const SECRET_MEMBER =
  /(\b[\w-]*(?:password|passphrase|secret|token|authorization|cookie|api[-_]?key)\b["']?\s*[:=]\s*)("(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s,;&}"']+)/gi
const CAPABILITY_PATH = /(\/(?:cdp|live)\/[\w-]+\/)[\w-]+/g

/** A text without any of these holds none of the above: one look instead of many. */
const PERHAPS_SECRET =
  /eyJ|bearer|basic|whsec_|sk_|gty_|gk_|:\/\/|[=\u007f-\u009f\u2028\u2029]|\/(?:cdp|live)\/|passw|passphrase|secret|token|authorization|cookie|api[-_]?key/i

/**
 * Removes what looks like a secret from one text: tokens, credentials in URLs, capability paths, values of members that are named
 * like one. Cuts it at 4,096 characters.
 */
export function scrub(text: string): string {
  const short = text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH)}…` : text
  if (!PERHAPS_SECRET.test(short)) return short
  return short
    .replace(SECRET_VALUE, '[redacted]')
    .replace(SECRET_LOGIN, '$1[redacted]@')
    .replace(SECRET_QUERY, '$1[redacted]')
    .replace(SECRET_MEMBER, '$1[redacted]')
    .replace(CAPABILITY_PATH, '$1[redacted]')
    .replace(/[\u007f-\u009f\u2028\u2029]/g, ' ')
}

const MAX_DEPTH = 6
const MAX_MEMBERS = 100
const MAX_KNOWN_NAMES = 1_000
const knownNames = new Map<string, boolean>()

/** Nearly all names come from the code, so what the pattern said of one is kept. */
function isSecretName(name: string): boolean {
  const known = knownNames.get(name)
  if (known !== undefined) return known
  const isSecret = SECRET_NAME.test(name)
  if (knownNames.size < MAX_KNOWN_NAMES) knownNames.set(name, isSecret)
  return isSecret
}

/** A copy of log fields with every member that is named like a secret, and every text that looks like one, replaced. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return scrub(value)
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  if (value instanceof Error) return depth === 0 ? value : describeError(value)
  if (value instanceof URL) return scrub(value.href)
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (depth >= MAX_DEPTH) return '[deep]'
  if (Array.isArray(value))
    return value.slice(0, MAX_MEMBERS).map((item) => redact(item, depth + 1))
  const members = Object.entries(value).slice(0, MAX_MEMBERS)
  return Object.fromEntries(
    members.map(([name, member]) => [
      oneLine(name),
      typeof member !== 'boolean' && typeof member !== 'number' && isSecretName(name)
        ? '[redacted]'
        : redact(member, depth + 1),
    ]),
  )
}

/** An error as fields, with its causes, each text scrubbed. */
export function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return redact(error, 1)
  const code = (error as { code?: unknown }).code
  return {
    type: error.name,
    message: scrub(error.message),
    ...(typeof code === 'string' && { code }),
    stack: error.stack && scrub(error.stack),
    ...(error.cause !== undefined && depth < 4 && { cause: describeError(error.cause, depth + 1) }),
  }
}

/** The message is one line, also the one that pino takes from an error when none is given. */
function scrubMessage(
  this: Logger,
  args: unknown[],
  method: (this: Logger, ...args: unknown[]) => void,
): void {
  const [first, message, ...rest] = args
  if (typeof first === 'string') {
    return method.apply(this, [oneLine(first), ...args.slice(1).map((part) => interpolated(part))])
  }
  const error = first instanceof Error ? first : (first as { err?: unknown } | null)?.err
  const text = message ?? (error instanceof Error ? error.message : undefined)
  const shown = typeof text === 'string' ? oneLine(text) : interpolated(text)
  method.apply(this, [first, shown, ...rest.map((part) => interpolated(part))])
}

function interpolated(part: unknown): unknown {
  return typeof part === 'string' ? oneLine(part) : redact(part, 1)
}

function oneLine(text: string): string {
  return scrub(text).replace(/\p{Cc}+/gu, ' ')
}
