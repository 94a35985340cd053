import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { deflateSync, crc32 } from 'node:zlib'
import sharp from 'sharp'
import { eventually, temporaryPath } from '#kernel/test-support.ts'
import { type Person, startApp } from '#test/app.ts'
import { sweepAvatars } from './jobs.ts'
import { makePicture } from './make-picture.ts'
import { EXITS } from './picture-terms.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())
const ctx = app.app.systemContext()

const plain = (width: number, height: number, background = '#c03') =>
  sharp({ create: { width, height, channels: 3, background } })

function put(person: Person, file: Buffer) {
  return person.put('/v1/users/me/avatar', { base64: file.toString('base64') })
}

async function fetchPicture(url: string) {
  const answer = await app.request('GET', url)
  return { ...answer, facts: answer.status === 200 ? await sharp(answer.body).metadata() : null }
}

/** The ids of the pictures that the object store holds rows for. */
async function idsOf({ userId }: Person): Promise<string[]> {
  const rows = await ctx.db
    .selectFrom('avatars')
    .select('id')
    .where('userId', '=', userId)
    .execute()
  return rows.map(({ id }) => id)
}

test('every format that is named becomes a square WebP, without what it told beside its pixels', async () => {
  const ann = await app.person('ann')
  const [wide, exif] = [plain(900, 300), { IFD0: { Artist: 'canary-artist' } }]
  const files = {
    jpeg: await wide.clone().withExif(exif).withMetadata({ orientation: 6 }).jpeg().toBuffer(),
    png: await wide.clone().png().toBuffer(),
    webp: await wide.clone().webp().toBuffer(),
    gif: await wide.clone().gif().toBuffer(),
    avif: await wide.clone().avif().toBuffer(),
  }
  for (const [name, file] of Object.entries(files)) {
    const { status, body } = await put(ann, file)
    assert.equal(status, 200, name)
    const picture = await fetchPicture(body.avatarUrl)
    const { format, width, height, exif, orientation } = picture.facts!
    assert.deepEqual([format, width, height], ['webp', 512, 512], name)
    assert.deepEqual([exif, orientation], [undefined, undefined], name)
    assert.equal(picture.body.includes('canary'), false, name)
  }
  assert.equal((await idsOf(ann)).length, 1, 'only the last one is kept')
})

test('a picture that lies on its side is turned upright', async () => {
  const ann = await app.person('ann')
  // Red above blue, stored turned: 6 means that the top is on the right.
  const red = await plain(200, 100, '#f00').png().toBuffer()
  const file = await plain(200, 200, '#00f')
    .composite([{ input: red, top: 0, left: 0 }])
    .withMetadata({ orientation: 6 })
    .jpeg({ quality: 100 })
    .toBuffer()
  const { body } = await put(ann, file)
  const { body: picture } = await fetchPicture(body.avatarUrl)
  const { data, info } = await sharp(picture).raw().toBuffer({ resolveWithObject: true })
  const at = (x: number, y: number) => [
    ...data.subarray((y * 512 + x) * info.channels).subarray(0, 3),
  ]
  const [[leftRed, , leftBlue], [rightRed, , rightBlue]] = [at(50, 256), at(460, 256)]
  assert.ok(leftBlue! > 200 && leftRed! < 60, 'blue is on the left')
  assert.ok(rightRed! > 200 && rightBlue! < 60, 'red is on the right')
})

test('T52: SVG, HTML, PDF, noise, a cut-off file and one that is two formats at once do no harm', async () => {
  const ann = await app.person('ann')
  const jpeg = await plain(300, 300).jpeg().toBuffer()
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'
  const refused: Record<string, Buffer> = {
    svg: Buffer.from(svg),
    'svg behind a declaration': Buffer.from(`<?xml version="1.0"?>\n${svg}`),
    html: Buffer.from('<!doctype html><script>alert(1)</script>'),
    pdf: Buffer.from('%PDF-1.4\n1 0 obj\n<<>>\nendobj\n'),
    tiff: await plain(9, 9).tiff().toBuffer(),
    noise: randomBytes(5_000),
    empty: Buffer.from(' '),
    'cut off': jpeg.subarray(0, jpeg.length / 2),
    'a PNG head': Buffer.from('89504e470d0a1a0a', 'hex'),
  }
  for (const [name, file] of Object.entries(refused)) {
    const { status, body } = await put(ann, file)
    assert.deepEqual([status, body.code], [400, 'avatar.not_a_picture'], name)
  }
  const polyglot = Buffer.concat([jpeg, Buffer.from('<script>canary()</script>PK\u0003\u0004')])
  const { status, body } = await put(ann, polyglot)
  assert.equal(status, 200)
  const picture = await fetchPicture(body.avatarUrl)
  assert.equal(picture.body.includes('canary'), false)
})

test('T52: a picture of a billion pixels in a few kilobytes is refused before it is decoded', async () => {
  const ann = await app.person('ann')
  const { status, body } = await put(ann, bomb(50_000, 50_000))
  assert.deepEqual([status, body.code], [400, 'avatar.too_many_pixels'])
  assert.match(body.detail, /36 megapixels/)
})

/** A PNG that says it is so large, of zeros. */
function bomb(width: number, height: number): Buffer {
  const chunk = (type: string, bytes: Buffer) => {
    const typed = Buffer.concat([Buffer.from(type), bytes])
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
    length.writeUInt32BE(bytes.length)
    sum.writeUInt32BE(crc32(typed))
    return Buffer.concat([length, typed, sum])
  }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width, 0)
  head.writeUInt32BE(height, 4)
  head.set([1, 0, 0, 0, 0], 8)
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    ...[
      chunk('IHDR', head),
      chunk('IDAT', deflateSync(Buffer.alloc(1_000_000))),
      chunk('IEND', Buffer.alloc(0)),
    ],
  ])
}

test('more than 5 MiB is 413, in whichever way it is more', async () => {
  const ann = await app.person('ann')
  const slightly = await put(ann, Buffer.alloc(5 * 1024 * 1024 + 1))
  assert.deepEqual([slightly.status, slightly.body.code], [413, 'avatar.too_large'])
  const far = await put(ann, Buffer.alloc(8 * 1024 * 1024))
  assert.deepEqual([far.status, far.body.code], [413, 'request.too_large'])
})

test('a picture is shown by an address that nobody guesses, safely, and is gone with the next one', async () => {
  const ann = await app.person('ann')
  const first = (await put(ann, await plain(64, 64).png().toBuffer())).body.avatarUrl
  assert.match(first, /^\/api\/v1\/avatars\/[A-Za-z0-9_-]{43}$/)
  assert.equal((await ann.get('/v1/users/me')).body.avatarUrl, first)
  const shown = await app.request('GET', first)
  const header = (name: string) => shown.headers.get(name)
  assert.equal(header('content-type'), 'image/webp')
  assert.equal(header('x-content-type-options'), 'nosniff')
  assert.equal(header('cross-origin-resource-policy'), 'same-origin')
  assert.match(header('content-security-policy')!, /default-src 'none'; sandbox/)
  assert.match(header('cache-control')!, /private.*immutable/)
  const etag = header('etag')!
  const again = await app.request('GET', first, { headers: { 'if-none-match': etag } })
  assert.deepEqual([again.status, again.body.length], [304, 0])

  const second = (await put(ann, await plain(64, 64, '#0c3').png().toBuffer())).body.avatarUrl
  assert.notEqual(second, first)
  assert.equal((await app.request('GET', first)).body.code, 'avatar.not_found')
  assert.equal((await ann.delete('/v1/users/me/avatar')).status, 204)
  assert.equal((await ann.delete('/v1/users/me/avatar')).status, 204)
  assert.equal((await app.request('GET', second)).status, 404)
  assert.equal((await ann.get('/v1/users/me')).body.avatarUrl, undefined)
  assert.deepEqual(await idsOf(ann), [])
})

test('of two pictures at once one stays, and nothing else is kept', async () => {
  const ann = await app.person('ann')
  const files = await Promise.all(
    ['#c03', '#0c3', '#03c'].map((one) => plain(64, 64, one).png().toBuffer()),
  )
  const answers = await Promise.all(files.map((file) => put(ann, file)))
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200],
  )
  const { avatarUrl } = (await ann.get('/v1/users/me')).body
  assert.equal((await app.request('GET', avatarUrl)).status, 200)
  assert.equal((await idsOf(ann)).length, 1)
})

test('what a kill has left behind is swept, and what is somebody’s stays', async () => {
  const ann = await app.person('ann')
  const { avatarUrl } = (await put(ann, await plain(64, 64).png().toBuffer())).body
  const id = randomBytes(32).toString('base64url')
  const createdAt = new Date(Date.now() - 2 * 60 * 60 * 1000)
  await ctx.db.insertInto('avatars').values({ id, userId: ann.userId, createdAt }).execute()
  await ctx.db.updateTable('avatars').set({ createdAt }).where('userId', '=', ann.userId).execute()
  await ctx.jobs.send(
    sweepAvatars(() => assert.fail()),
    {},
  )
  await eventually('the sweep', async () => (await idsOf(ann)).length === 1)
  assert.equal((await app.request('GET', avatarUrl)).status, 200)
})

test('a machine where the library does not load says so, and a decoder that crashes harms nobody', async () => {
  const program = (code: string) => {
    const path = temporaryPath('.mjs')
    writeFileSync(path, code)
    return path
  }
  const input = await plain(64, 64).png().toBuffer()
  const missing = program(`process.exit(${EXITS.unavailable})`)
  await assert.rejects(makePicture(ctx, input, missing), {
    code: 'avatar.unavailable',
    status: 503,
  })
  const crashing = program(`process.kill(process.pid, 'SIGSEGV')`)
  await assert.rejects(makePicture(ctx, input, crashing), { code: 'avatar.not_a_picture' })
  const flooding = program(
    `process.stdout.write(Buffer.alloc(3_000_000)); setInterval(() => {}, 1e6)`,
  )
  await assert.rejects(makePicture(ctx, input, flooding), { code: 'avatar.not_a_picture' })
  assert.equal((await sharp(await makePicture(ctx, input)).metadata()).format, 'webp')
})

test('a caller who has gone ends the making', async () => {
  const gone = AbortSignal.abort(new Error('gone'))
  const file = await plain(64, 64).png().toBuffer()
  await assert.rejects(makePicture(ctx.with({ signal: gone }), file), /gone/)
})
