import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { notTaken } from '#kernel/http/failures.ts'
import { startApp } from './app.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())

test('a path that is spelled out is never taken for one with an id in its place', async () => {
  const routes = app.app.capabilities.flatMap((one) => [...(one.routes ?? [])])
  const odd = notTaken(routes)
  assert.ok(odd.some(({ path }) => path === '/api/v1/invitations/accept'))
  for (const { method, path } of odd) {
    const url = path.slice('/api'.length).replaceAll(/:\w+/g, 'x')
    const { status, body, headers } = await app.request(method, url)
    assert.deepEqual([status, body.code], [405, 'request.method_not_allowed'], `${method} ${path}`)
    assert.ok(!headers.get('allow')?.split(', ').includes(method), `${method} ${path}`)
  }
})
