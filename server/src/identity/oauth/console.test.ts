import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { after, test } from 'node:test'
import pino from 'pino'
import { chromium } from 'playwright-core'
import { findChromium } from '#browsers/index.ts'
import { openHome } from '#kernel/home.ts'
import { findUsers } from '#kernel/unprivileged.ts'
import { makeDirectory } from '#test/directory.ts'
import { openScene } from './test-scene.ts'

const scene = await openScene()
after(() => scene[Symbol.asyncDispose]())
const browser = await openBrowser()
after(() => browser.close())

async function openBrowser() {
  const directory = await makeDirectory('gantry-providers')
  after(() => rm(directory, { recursive: true, force: true }))
  const users = await findUsers(['browser'])
  const home = await openHome({ wanted: directory, checkout: directory, users })
  const log = pino({ level: 'silent' })
  const { path, environment } = await findChromium({ home, user: users.browser, log, env: {} })
  return chromium.launch({ executablePath: path, env: { ...environment } })
}

async function openAs(who: string) {
  const context = await browser.newContext()
  await context.addCookies([{ name: 'who', value: who, url: scene.acme.issuer }])
  const page = await context.newPage()
  await page.goto(`${scene.app.url}/#sign-in`)
  return { page, [Symbol.asyncDispose]: () => context.close() }
}

test('in a real browser, a newcomer continues with a provider and is signed in', async () => {
  const { app, acme } = scene
  const who = app.unique('page')
  const email = `${who}@example.test`
  acme.people.set(who, { email, email_verified: true })
  await using visit = await openAs(who)
  const { page } = visit
  await page.getByRole('link', { name: 'Continue with Acme' }).click()
  await page.waitForFunction(() => document.cookie.includes('__Host-gantry_csrf='))
  const me = await page.evaluate(async () => (await fetch('/api/v1/users/me')).json())
  assert.equal(me.email, email)
  assert.doesNotMatch(page.url(), /provider-sign-in/)
})

test('in a real browser, whoever says no at the provider is told so', async () => {
  await using visit = await openAs('nobody')
  const { page } = visit
  await page.getByRole('link', { name: 'Continue with Acme' }).click()
  await page.getByText('You or the provider said no').waitFor()
})

test('in a real browser, whoever has no password proves who they are at the provider', async () => {
  const { app, acme } = scene
  const who = app.unique('page')
  const email = `${who}@example.test`
  acme.people.set(who, { email, email_verified: true })
  await using visit = await openAs(who)
  const { page } = visit
  await page.getByRole('link', { name: 'Continue with Acme' }).click()
  await page.waitForFunction(() => document.cookie.includes('__Host-gantry_csrf='))
  const { db } = app.app.systemContext()
  const user = await db
    .selectFrom('users')
    .select('id')
    .where('emailKey', '=', email)
    .executeTakeFirstOrThrow()
  const signIns = db.updateTable('signIns').where('userId', '=', user.id)
  await signIns.set({ steppedUpAt: null }).execute()

  await page.goto(`${app.url}/#security`)
  await page.getByRole('button', { name: 'Link Acme', exact: true }).click()
  await page.getByRole('button', { name: 'Sign in again with Acme' }).click()
  await page.getByText('You have proven that it is you').waitFor()
  const { steppedUpAt } = await db
    .selectFrom('signIns')
    .select('steppedUpAt')
    .where('userId', '=', user.id)
    .executeTakeFirstOrThrow()
  assert.notEqual(steppedUpAt, null)
})
