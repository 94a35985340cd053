import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { type Levels, openLog } from './log.ts'
import { openLogFile } from './log-file.ts'
import { eventually, temporaryPath } from './test-support.ts'

const INFO: Levels = { default: 'info', byCategory: {} }

/** A log to console and files, and what stands in each of them once it is closed. */
async function start(levels = INFO, console: 'json' | 'pretty' = 'json') {
  const directory = join(temporaryPath(), 'logs')
  const destination = new PassThrough()
  const log = await openLog({ levels, directory, console, destination })
  return {
    log,
    directory,
    async close() {
      await log[Symbol.asyncDispose]()
      const shown = (destination.read() as Buffer | null)?.toString() ?? ''
      const read = (name: string) => readFileSync(join(directory, name), 'utf8')
      return { shown, combined: read('combined.log'), errors: read('error.log') }
    },
  }
}

const parse = (text: string) =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))

const CANARY = 'c4n4ry'
const failure = new Error(`upstream said {"access_token":"${CANARY}-1"}`, {
  cause: new Error(`postgres://app:${CANARY}-2@db/x refused Bearer ${CANARY}-3`, {
    cause: new Error(`Cookie: sid=${CANARY}; password=${CANARY}`),
  }),
})

/** Each way of logging that holds a secret somewhere. */
const LEAKS: [string, unknown, ...unknown[]][] = [
  [
    'a field by its name',
    { password: CANARY, newPassword: CANARY, nested: { apiKey: CANARY } },
    'x',
  ],
  ['a list', { items: [{ secret: CANARY }, `Bearer ${CANARY}`] }, 'x'],
  [
    'headers',
    { headers: { authorization: `Bearer ${CANARY}`, cookie: CANARY, 'set-cookie': [CANARY] } },
    'x',
  ],
  ['a card', { card: { number: CANARY }, cardNumber: CANARY }, 'x'],
  ['a URL', { url: `https://ann:${CANARY}@host/x?token=${CANARY}&a=1#setup=${CANARY}` }, 'x'],
  ['a URL object', { url: new URL(`https://ann:${CANARY}@host/?api_key=${CANARY}`) }, 'x'],
  ['a signed URL', { url: `/objects/a?X-Amz-Credential=${CANARY}&X-Amz-Signature=${CANARY}` }, 'x'],
  ['a capability path', { path: `/cdp/ses_1/${CANARY}` }, 'x'],
  ['more of such a path', { path: `/cdp/ses_1/${CANARY}/json/version/` }, 'x'],
  [
    'tokens by their form',
    {
      text: `eyJhbGciOiJFZERTQSJ9.${CANARY}.x gty_rt1_${CANARY} whsec_${CANARY} gk_live_key${CANARY}`,
    },
    'x',
  ],
  ['bytes', { body: Buffer.from(CANARY), also: [...Buffer.from(CANARY)].length }, 'x'],
  ['the name of a field', { [`Bearer ${CANARY}`]: 1 }, 'x'],
  ['an error with causes', { err: failure }, 'x'],
  ['an error in a list', { errors: [failure], last: failure }, 'x'],
  ['an error whose message is the message', { err: failure }],
  ['nothing but an error', failure],
  ['a message', `signed in with Bearer ${CANARY}`],
  ['a message after fields', {}, `{"refreshToken": "${CANARY} and more"}`],
  ['a part of a message', 'with %s', `redis://:${CANARY}@cache`],
  ['an object in a message', {}, 'with %o', { password: CANARY }],
]

test('no secret gets into any log, whichever way it is logged', async () => {
  for (const format of ['json', 'pretty'] as const) {
    for (const [what, ...args] of LEAKS) {
      const { log, close } = await start(INFO, format)
      const child = log.category('trial').child({ token: CANARY, at: `Bearer ${CANARY}` })
      child.error(...(args as [object, string]))
      const { shown, combined, errors } = await close()
      for (const text of [shown, combined, errors]) {
        assert.ok(text.length > 0, what)
        assert.ok(!text.includes(CANARY), `${what}: ${text}`)
        assert.match(text, /\[redacted\]/)
      }
    }
  }
})

test('what is no secret stays readable', async () => {
  const { log, close } = await start()
  const fields = {
    session: 'ses_1',
    durationMs: 1.5,
    tokens: 5,
    hasPassword: true,
    path: '/v1/sessions',
  }
  log.category('http').warn({ ...fields, at: new Date(0) }, 'a request was slow')
  const [line] = parse((await close()).combined)
  const { time, ...rest } = line
  assert.ok(Date.parse(time))
  assert.deepEqual(rest, {
    ...{ level: 'warn', category: 'http', msg: 'a request was slow' },
    ...{ ...fields, at: '1970-01-01T00:00:00.000Z' },
  })
})

test('an error is told with its type, stack and causes', async () => {
  const { log, close } = await start()
  const cause = Object.assign(new TypeError('below'), { code: 'ECONNREFUSED' })
  log.root.error({ err: new Error('above', { cause }) }, 'it failed')
  const [{ err }] = parse((await close()).errors)
  assert.deepEqual([err.type, err.message], ['Error', 'above'])
  assert.match(err.stack, /log\.test\.ts/)
  assert.deepEqual(
    [err.cause.type, err.cause.message, err.cause.code],
    ['TypeError', 'below', 'ECONNREFUSED'],
  )
})

test('nothing that is logged can begin a line of its own, colour the terminal or fill the disk', async () => {
  const evil = '\n{"level":"fatal","msg":"forged"}\r\n\u001b[31m\u2028\u0085'
  for (const format of ['json', 'pretty'] as const) {
    const { log, close } = await start(INFO, format)
    log.root.info({ userAgent: evil, [evil]: 1, big: 'x'.repeat(1_000_000) }, `said ${evil}`)
    log.root.info(
      { many: Array.from({ length: 10_000 }, () => 'x'), ...Object.fromEntries(many()) },
      'many',
    )
    const { shown, combined } = await close()
    assert.equal(parse(combined).length, 2)
    assert.ok(combined.length < 20_000)
    assert.ok(!['\u2028', '\u0085', '\u001b'].some((char) => combined.includes(char)))
    assert.doesNotMatch(shown, /^\{"level":"fatal"/m)
    assert.ok(!shown.includes('\u001b[31m'), 'the colour of the text')
  }
})

const many = () => Array.from({ length: 10_000 }, (_, n) => [`m${n}`, n])

test('a category has its own level, and errors have a file of their own', async () => {
  const { log, close } = await start({
    default: 'warn',
    byCategory: { jobs: 'debug', http: 'error' },
  })
  for (const category of ['jobs', 'http', 'other']) {
    const logger = log.category(category)
    for (const level of ['trace', 'debug', 'warn', 'error'] as const)
      logger[level](`${category} ${level}`)
  }
  const { shown, combined, errors } = await close()
  const messages = (text: string) => parse(text).map(({ msg }) => msg)
  const all = ['jobs debug', 'jobs warn', 'jobs error', 'http error', 'other warn', 'other error']
  assert.deepEqual(messages(combined), all)
  assert.deepEqual(messages(shown), all)
  assert.deepEqual(messages(errors), ['jobs error', 'http error', 'other error'])
})

test('log files are for their owner alone', async () => {
  const { directory, close } = await start()
  await close()
  assert.equal(statSync(directory).mode & 0o777, 0o700)
  assert.equal(statSync(join(directory, 'combined.log')).mode & 0o777, 0o600)
})

test('a full log file is set aside, ten are kept, and no line is lost between them', async () => {
  const directory = temporaryPath()
  const file = await openLogFile(directory, 'trial', { rotateAt: 1_000 })
  const lines = Array.from({ length: 60 }, (_, n) => `${String(n).padStart(99, '.')}\n`)
  for (const [n, line] of lines.entries()) {
    file.write(line)
    const inFile = (name: string) => readFileSync(join(directory, name), 'utf8').includes(line)
    await eventually(`line ${n} is written`, () => readdirSync(directory).some(inFile))
  }
  file.end()
  const names = readdirSync(directory)
  assert.ok(names.includes('trial.log') && names.includes('trial.5.log'), names.join())
  const oldestFirst = names.sort((a, b) => ageOf(b) - ageOf(a))
  const kept = oldestFirst.map((name) => readFileSync(join(directory, name), 'utf8')).join('')
  assert.equal(kept, lines.join(''))
})

const ageOf = (name: string) => Number(/\.(\d+)\.log$/.exec(name)?.[1] ?? 0)
