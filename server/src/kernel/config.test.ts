import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { KEYS } from './config-keys.ts'
import { ConfigError, isLoopback, loadConfig, readEnvironment, unusedNames } from './config.ts'
import { temporaryPath } from './test-support.ts'

/** A wrong value of each name that can have one. */
const WRONG: Record<string, string> = {
  PORT: '65536',
  PUBLIC_URL: 'ftp://x',
  ROLES: 'api,clerk',
  DATABASE_URL: 'mysql://app:hunter2@db/x',
  DATABASE_POOL_SIZE: '1',
  OBJECT_STORE_URL: 'https://key:hunter2@store',
  TRUSTED_PROXIES: '10.0.0.0/33',
  CORS_ORIGINS: 'https://app.example/',
  CORS_ORIGIN: '*',
  FRONTEND_URL: 'app.example',
  SIGN_UP: 'maybe',
  REFRESH_TOKEN_EXPIRY: '14',
  CHROMIUM_SANDBOX: 'yes',
  MAX_SESSIONS: '0',
  EGRESS_ALLOW: '10.0.0.0/99',
  METRICS_ALLOW: 'everywhere',
  METRICS_TOKEN: 'hunter2',
  REQUEST_TIMEOUT_SECONDS: '0.5',
  SHUTDOWN_SECONDS: '-1',
  LOG_LEVEL: 'loud',
  LOG_FORMAT: 'xml',
  LOG_FILES: 'true',
  OTEL_EXPORTER_OTLP_ENDPOINT: 'collector',
  OTEL_TRACES_SAMPLER_ARG: '2',
  TLS_CERT_FILE: '/nowhere/cert.pem',
  AWS_ACCESS_KEY_ID: 'hunter2',
}

function faults(env: Record<string, string>): string[] {
  try {
    loadConfig(env)
    return []
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.message.split('\n').slice(1)
  }
}

test('without any environment there is a configuration, and it is frozen', () => {
  const config = loadConfig({})
  assert.deepEqual(
    [config.PORT, config.HOST, config.loopbackOnly, config.ROLES, config.LOG_LEVEL],
    [
      8700,
      '127.0.0.1',
      true,
      ['api', 'worker', 'relay', 'node'],
      { default: 'info', byCategory: {} },
    ],
  )
  assert.throws(() => ((config as { PORT: number }).PORT = 1), TypeError)
})

test('every wrong value is named at once, and none that may be a secret is shown', () => {
  const lines = faults(WRONG)
  for (const name of Object.keys(WRONG)) {
    assert.ok(
      lines.some((line) => line.trim().startsWith(name)),
      `${name} in ${lines.join('\n')}`,
    )
  }
  assert.doesNotMatch(lines.join('\n'), /hunter2/)
  assert.ok(lines.some((line) => line.includes(`PORT is '65536'`)))
  for (const [name, value] of Object.entries(WRONG)) {
    const own = faults({ [name]: value })
    assert.ok(own.length > 0, name)
    for (const line of own) assert.match(line, new RegExp(`^ {2}${name}`))
  }
})

test('what goes together is asked for together', () => {
  assert.match(
    faults({ AWS_SECRET_ACCESS_KEY: 'x' }).join(),
    /AWS_ACCESS_KEY_ID and .* go together/,
  )
  assert.match(faults({ TLS_KEY_FILE: import.meta.filename }).join(), /set both or neither/)
  assert.match(faults({ TLS_CERT_DIR: import.meta.dirname }).join(), /goes with TLS_CERT_FILE/)
  assert.match(faults({ TLS_CERT_DIR: '/nowhere' }).join(), /TLS_CERT_DIR .*ENOENT/)
  assert.match(faults({ ROLES: 'worker,node' }).join(), /`node` and `relay` run beside `api`/)
})

test('no text in any name ends in anything but a configuration or a list of faults', () => {
  const property = fc.property(
    fc.constantFrom(...Object.keys(KEYS)),
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('-1', '1e9', 'NaN', ',', '%', '\0', '//'),
    ),
    (name, value) => {
      const lines = faults({ [name]: value })
      assert.ok(lines.every((line) => line.length < 400))
    },
  )
  fc.assert(property, { numRuns: 500 })
})

test('the environment goes before the file, and an empty value counts as none', () => {
  const file = temporaryPath('.env')
  writeFileSync(file, 'PORT=1111\nHOST=file.example\nSIGN_UP=closed\n# a note\nLOG_LEVEL="warn"\n')
  const env = readEnvironment({ PORT: '2222', HOST: '' }, file)
  assert.deepEqual(
    [env.PORT, env.HOST, env.SIGN_UP, env.LOG_LEVEL],
    ['2222', undefined, 'closed', 'warn'],
  )
  rmSync(file)
  assert.deepEqual(readEnvironment({ PORT: '2222' }, file), { PORT: '2222' })
})

test('lists, levels and URLs are read as people write them', () => {
  const config = loadConfig({
    CORS_ORIGINS: 'https://a.example, http://localhost:3000,',
    LOG_LEVEL: 'warn, http:debug,jobs:silent',
    PUBLIC_URL: 'https://gantry.example//',
    TRUSTED_PROXIES: '10.0.0.0/8,::1',
  })
  assert.deepEqual(config.CORS_ORIGINS, ['https://a.example', 'http://localhost:3000'])
  assert.deepEqual(config.LOG_LEVEL, {
    default: 'warn',
    byCategory: { http: 'debug', jobs: 'silent' },
  })
  assert.equal(config.PUBLIC_URL, 'https://gantry.example')
  assert.deepEqual(config.TRUSTED_PROXIES, ['10.0.0.0/8', '::1'])
})

test('loopback is what only this machine can reach', () => {
  for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost'])
    assert.ok(isLoopback(host), host)
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.example', 'localhost.example', '']) {
    assert.ok(!isLoopback(host), host)
  }
})

test('names that are set for nothing are told, without their values', () => {
  const [line, ...more] = unusedNames({ JWT_SECRET: 'hunter2', PORT: '1' })
  assert.match(line!, /^JWT_SECRET is not used: /)
  assert.ok(!line!.includes('hunter2') && more.length === 0)
})

test('providers of sign-in are read, and what is wrong with them is told by its place alone', () => {
  const acme = {
    ...{ id: 'acme', name: 'Acme', issuer: 'https://login.acme.example/realms/one/' },
    ...{ clientId: 'gantry', clientSecret: 'hush' },
  }
  const read = (list: unknown) => loadConfig({ OAUTH_PROVIDERS: JSON.stringify(list) })
  assert.deepEqual(read([acme]).OAUTH_PROVIDERS, [
    { ...acme, scopes: ['openid', 'email', 'profile'] },
  ])
  const faults: [unknown, RegExp][] = [
    [{}, /OAUTH_PROVIDERS: /],
    [[{ ...acme, id: 'google' }], /\[0\]\.id is taken/],
    [[acme, { ...acme, issuer: 'https://b.example' }], /names an id twice/],
    [[acme, { ...acme, id: 'again' }], /names an issuer twice/],
    [[{ ...acme, issuer: 'http://login.acme.example' }], /\[0\]\.issuer must be an https URL/],
    [[{ ...acme, issuer: 'https://a.example?x' }], /\[0\]\.issuer must be an https URL/],
    [[{ ...acme, issuer: 'https://u:p@a.example' }], /\[0\]\.issuer must be an https URL/],
    [[{ ...acme, scopes: ['email'] }], /\[0\]\.scopes must hold openid/],
    [[{ ...acme, secret: 'x' }], /\[0\]/],
  ]
  for (const [list, told] of faults) {
    assert.throws(
      () => read(list),
      (error: Error) => told.test(error.message) && !error.message.includes('hush'),
      JSON.stringify(list),
    )
  }
  assert.throws(
    () => loadConfig({ OAUTH_PROVIDERS: '[{"clientSecret":"hush"' }),
    (error: Error) => {
      return /OAUTH_PROVIDERS/.test(error.message) && !error.message.includes('hush')
    },
  )
})

test('a client of a provider is whole, and people can be sent back to it', () => {
  assert.throws(
    () => loadConfig({ OAUTH_GOOGLE_CLIENT_ID: 'x', OAUTH_GITHUB_CLIENT_SECRET: 'y' }),
    /OAUTH_GOOGLE_CLIENT_ID and OAUTH_GOOGLE_CLIENT_SECRET go together.*\n.*OAUTH_GITHUB_CLIENT_ID and/,
  )
  const client = { OAUTH_GITHUB_CLIENT_ID: 'x', OAUTH_GITHUB_CLIENT_SECRET: 'y' }
  assert.equal(loadConfig(client).OAUTH_GITHUB_URL, 'https://github.com')
  assert.throws(() => loadConfig({ ...client, HOST: '0.0.0.0' }), /PUBLIC_URL is needed/)
  loadConfig({ ...client, HOST: '0.0.0.0', PUBLIC_URL: 'https://gantry.example' })
  const faulty = { OAUTH_MICROSOFT_TENANT: '../x', OAUTH_GITHUB_URL: 'http://github.example' }
  assert.throws(
    () => loadConfig(faulty),
    /OAUTH_MICROSOFT_TENANT.*\n.*OAUTH_GITHUB_URL: must be an https/,
  )
})
