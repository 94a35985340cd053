import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startApp } from './app.ts'
import { serveHtml } from './page-server.ts'
import { makeAndEnd, type Running, traces } from './session-loop.ts'

test('ten sessions made and ended, a third of them by a kill, leave nothing on the machine', async () => {
  await using app = await startApp({ browsers: true })
  await using pages = await serveHtml('<title>A page</title>')
  const { accessToken } = await app.person()
  const running: Running = {
    ...{ url: app.url, home: app.home, pid: process.pid, pageUrl: pages.url, accessToken },
  }
  const before = await traces(running)
  await makeAndEnd(running, 10)
  assert.deepEqual(await traces(running), before)
})
