import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { createClient } from '../../../sdk/src/index.ts'
import { TunnelAgent, TunnelLost } from '../../../sdk/src/tunnels/index.ts'
import { startApp } from './app.ts'
import { LocalService, visit } from './relay-fleet.ts'

const app = await startApp({ env: { ROLES: 'api,worker,relay' } })
after(() => app[Symbol.asyncDispose]())
const port = Number(new URL(app.url).port)

test('a suspension cuts what is under way, tells visitors and agents why, and ends when it is lifted', async () => {
  await using closing = new AsyncDisposableStack()
  const [ann, root] = [await app.person('ann'), await app.superAdmin()]
  const service = closing.use(
    await LocalService.open((path) => (path === '/slow' ? new Promise(() => {}) : 'hello')),
  )
  const name = app.unique('shop')
  const open = async () => {
    const agent = new TunnelAgent(createClient({ url: app.url, accessToken: ann.accessToken }), {
      ...{ tunnels: [{ kind: 'http' as const, target: service.port, name }], env: {} },
    })
    closing.defer(() => agent.leave())
    await agent.open()
    await eventually('a link', () => agent.links.some(({ status }) => status === 'open'))
    return agent
  }
  const agent = await open()
  const lost = agent.ended.then(
    () => undefined,
    (error: unknown) => error,
  )
  const underWay = visit(port, name, '/slow')
  await eventually('it is under way', () => service.asked.length > 0)

  const { body } = await root.get(`/v1/admin/tunnels?hostname=${name}.localhost`)
  const at = `/v1/admin/tunnels/${body.items[0].id}/suspension`
  const reason = 'It imitates the sign-in of a bank.'
  assert.equal((await root.put(at, { reason })).status, 200)
  assert.notEqual((await underWay).status, 200, 'the service never answers')
  const refused = await visit(port, name)
  assert.equal(refused.status, 403)
  assert.match(refused.text, /tunnel\.taken_down/)
  assert.doesNotMatch(refused.text, /bank/, 'the reason is for its account')
  const why = await lost
  assert.ok(why instanceof TunnelLost)
  assert.equal(why.code, 'tunnel.suspended')

  assert.equal((await root.delete(at)).status, 200)
  await open()
  assert.deepEqual(await visit(port, name), { status: 200, text: 'hello' })
})
