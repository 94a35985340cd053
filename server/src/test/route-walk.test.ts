import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { allows, matrix, roles } from '#access/index.ts'
import type { Actor } from '#kernel/context.ts'
import { type AnyRoute, isPublic, servedPath } from '#kernel/http/route.ts'
import { startApp } from './app.ts'
import { expected, stanceIn } from './walk/expected.ts'
import { type Kind, kindOf, makeObjects, pathWith } from './walk/objects.ts'
import { headersOf, openScene, type Place, places, type Walker } from './walk/scene.ts'
import { each, Wire } from './walk/send.ts'

const app = await startApp()
const wire = new Wire(app.url)
after(async () => {
  wire.close()
  await app[Symbol.asyncDispose]()
})
const scene = await openScene(app)
const ids = await makeObjects(app, scene)
const routes: AnyRoute[] = app.app.capabilities.flatMap((one) => [...(one.routes ?? [])])
const closed = routes.filter((route) => !isPublic(route))
const withParams = closed.filter(({ path }) => path.includes(':'))

const UNKNOWN = 'acc_00000000000000000000000000'
const MALFORMED = ['..%2f', '..', '7', '-1', '%27%20or%201=1%20--', 'x'.repeat(100_000)]
/** No route knows it, so what is let through is refused before it does anything. */
const HARMLESS = 'x-walk=1'

function accountAt(place: Place | 'unknown'): string {
  return place === 'unknown' ? UNKNOWN : scene.accounts[place]
}

function bodyOf({ body, examples }: AnyRoute) {
  return body ? { body: JSON.stringify(examples?.body ?? {}) } : {}
}

test('T37: every route says to every role, in every account, what the matrix says', async () => {
  const doors = closed.flatMap((route) =>
    scene.walkers.flatMap((walker) => placesFor(walker).map((place) => ({ route, walker, place }))),
  )
  const wrong: string[] = []
  await each(doors, async ({ route, walker, place }) => {
    const account = accountAt(place)
    const { id = 'x', ...given } = (route.examples?.params ?? {}) as Record<string, string>
    const params: Record<string, string> = {
      ...given,
      id: kindOf(route) === 'account' || kindOf(route) === 'member' ? account : id,
    }
    const path = servedPath(route.path).replace(/:(\w+)/g, (_, name: string) => params[name] ?? 'x')
    const answer = await wire.send({
      method: route.method,
      path: `${path}?${HARMLESS}`,
      headers: headersOf(walker, account),
      ...bodyOf(route),
    })
    const verdict = expected(route, walker, place)
    const wanted = verdict === 'open' ? 'request.invalid' : verdict
    if (answer.code !== wanted)
      wrong.push(`${told(route, walker, place)}: ${answer.code} instead of ${wanted}`)
  })
  assert.deepEqual(wrong.slice(0, 20), [], `${wrong.length} of ${doors.length} doors`)
})

test('T37: every parameter of a path has a declaration of whose things it names', () => {
  const undeclared = withParams.filter((route) => kindOf(route) === undefined)
  assert.deepEqual(undeclared.map(told_), [])
})

test('T37: what another account has is 404 for whoever holds every right in their own', async () => {
  const owned: Kind[] = ['member', 'invitation', 'key', 'session']
  const tries = withParams
    // That one is for sockets: it says so to everybody, and reads nothing.
    .filter((route) => owned.includes(kindOf(route)!) && !route.path.endsWith('/live'))
    .flatMap((route) =>
      scene.walkers.flatMap((walker) => places.map((place) => ({ route, walker, place }))),
    )
  const wrong: string[] = []
  await each(tries, async ({ route, walker, place }) => {
    const home = homeOf(walker)
    if (!home || home === place || isReachable(route, walker, place)) return
    const id = ids[kindOf(route) as keyof typeof ids][place]
    const answer = await wire.send({
      method: route.method,
      path: pathWith(route, id, scene.accounts[home]),
      headers: headersOf(walker),
      ...bodyOf(route),
    })
    const verdict = expected(route, walker, home)
    const isRight = verdict === 'open' ? answer.status === 404 : answer.code === verdict
    if (!isRight) wrong.push(`${told(route, walker, place)}: ${answer.status} ${answer.code}`)
  })
  assert.deepEqual(wrong.slice(0, 20), [], `${wrong.length} of ${tries.length}`)
})

test('T37: what an account has is there for those of its people who may read it', async () => {
  const reads = withParams.filter(
    ({ method, path }) => method === 'GET' && /\/:(id|userId)$/.test(path),
  )
  const wrong: string[] = []
  await each(
    reads.flatMap((route) => scene.walkers.map((walker) => ({ route, walker }))),
    async ({ route, walker }) => {
      const kind = kindOf(route)
      if (kind === 'person' || kind === 'installation' || homeOf(walker) !== 'own') return
      const path = pathWith(route, ids[kind!].own, scene.accounts.own)
      const answer = await wire.send({ method: 'GET', path, headers: headersOf(walker) })
      const verdict = expected(route, walker, 'own')
      const isRight = verdict === 'open' ? answer.status === 200 : answer.code === verdict
      if (!isRight) wrong.push(`${told(route, walker, 'own')}: ${answer.status} ${answer.code}`)
    },
  )
  assert.deepEqual(wrong, [])
})

test('T37: an id that is none, or nobody’s, is refused and never found', async () => {
  const asking = scene.walkers.filter(({ name }) =>
    ['owner', 'platform super-admin', 'stranger', 'nobody'].includes(name),
  )
  const tries = withParams.flatMap((route) =>
    asking.flatMap((walker) => [...MALFORMED, nobodys(route)].map((id) => ({ route, walker, id }))),
  )
  const wrong: string[] = []
  await each(tries, async ({ route, walker, id }) => {
    const answer = await wire.send({
      method: route.method,
      path: pathWith(route, id),
      headers: headersOf(walker),
      ...bodyOf(route),
    })
    const fine = answer.status >= 400 && answer.status < 500
    if (!fine)
      wrong.push(`${told(route, walker, id.slice(0, 40))}: ${answer.status} ${answer.code}`)
  })
  assert.deepEqual(wrong.slice(0, 20), [], `${wrong.length} of ${tries.length}`)
})

test('whatever roles somebody holds wherever, they may exactly what the matrix grants there', () => {
  const names = Object.keys(roles)
  const cases = fc.record({
    held: fc.subarray(names),
    standing: fc.constantFrom('own', 'subtree', 'all'),
    permission: fc.oneof(fc.constantFrom(...Object.keys(matrix)), fc.string()),
    scopes: fc.option(fc.subarray([...Object.keys(matrix), 'sessions.*', 'keys.*', '*'])),
  })
  const property = fc.property(cases, ({ held, standing, permission, scopes }) => {
    const ids = { userId: 'usr_1', accountId: 'acc_1', roles: held, standing }
    const actor: Actor = scopes
      ? { kind: 'key', keyId: 'key_1', scopes, ...ids }
      : { kind: 'user', signInId: 'sgn_1', ...ids }
    const grant = Object.hasOwn(matrix, permission) ? matrix[permission]! : {}
    const holders: readonly string[] = [...(grant[standing] ?? []), ...(grant.all ?? [])]
    const [noun] = permission.split('.')
    const covered = !scopes || scopes.includes(permission) || scopes.includes(`${noun}.*`)
    const outOfReach = scopes !== null && noun === 'keys'
    const may = held.some((role) => holders.includes(role)) && covered && !outOfReach
    assert.equal(allows(actor, permission), may)
  })
  fc.assert(property, { numRuns: 2_000 })
})

/** Nobody is nobody everywhere, and an account that is none is as foreign to one as to another. */
function placesFor({ name }: Walker): (Place | 'unknown')[] {
  if (name === 'nobody') return ['own']
  return name === 'owner' || name === 'stranger' ? [...places, 'unknown'] : [...places]
}

/** The account that they act for when they name none. */
function homeOf({ roles }: Walker): Place | undefined {
  return places.find((place) => roles[place] !== undefined)
}

/** An invitation is reached by whoever may in its account, whichever account they act for. */
function isReachable(route: AnyRoute, walker: Walker, place: Place): boolean {
  return kindOf(route) === 'invitation' && stanceIn(walker, place) !== undefined
}

/** Of the right form, and of nothing that there is. */
function nobodys({ examples }: AnyRoute): string {
  const [id = 'x'] = Object.values((examples?.params ?? {}) as Record<string, string>)
  return id.replace(/.{4}$/, '0000')
}

function told(route: AnyRoute, { name }: Walker, place: string): string {
  return `${told_(route)} as ${name} at ${place}`
}

function told_({ method, path }: AnyRoute): string {
  return `${method} ${path}`
}
