import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { GantryProcess } from './gantry-process.ts'
import { findSchemathesis, runSchemathesis } from './schemathesis.ts'

const schemathesis = await findSchemathesis()
const credentials = { email: 'ann@example.test', password: 'plum-harbour-quiet-lantern-93' }
/** A browser, a page or a place for one that is not there is no failure of the server. */
const EXPECTED = `[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", 502, 503, 504]
`

test('requests made from the API document are answered as it says, and never by a failure of the server', async (t) => {
  if ('missing' in schemathesis) return t.skip(schemathesis.missing)
  const directory = await mkdtemp(join(tmpdir(), 'gantry-schemathesis-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  await writeFile(join(directory, 'schemathesis.toml'), EXPECTED)
  await using gantry = await GantryProcess.start({
    MAX_SESSIONS: '3',
    LOG_LEVEL: 'error',
  })
  const registered = await gantry.request('POST', '/api/v1/auth/register', { body: credentials })
  assert.equal(registered.status, 201)

  const { passed, report } = await runSchemathesis(
    schemathesis.program,
    [
      'run',
      `${gantry.url}/api/openapi.json`,
      `--header=Authorization: Bearer ${registered.body.accessToken}`,
      '--phases=examples,coverage,fuzzing',
      '--max-examples=2',
      '--generation-deterministic',
      '--continue-on-failure',
      '--request-timeout=60',
      '--warnings=off',
      // The one would end the sign-in that the other requests come under. The other takes every place, and then each waits its minute.
      '--exclude-path-regex=/auth/logout|/api/v1/sessions$',
      // A schema cannot say that a password is weak or that a selector matches nothing.
      '--exclude-checks=positive_data_acceptance',
    ],
    { cwd: directory, deadlineMs: 540_000 },
  )
  assert.equal(gantry.ending, undefined)
  assert.ok(passed, `${report.slice(0, 20_000)}\n${gantry.said}`)
})
