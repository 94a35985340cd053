import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { WebBrowser } from '#test/web-browser.ts'
import { openScene } from './test-scene.ts'

const scene = await openScene()
after(() => scene[Symbol.asyncDispose]())
const browser = await WebBrowser.open()
after(() => browser[Symbol.asyncDispose]())

/** Somebody on the page that signs in, whom the provider knows. */
function openAs(name: string) {
  const { hostname: domain } = new URL(scene.acme.issuer)
  const known = { domain, path: '/', expires: -1, httpOnly: false, secure: false }
  const cookie = { ...known, name: 'who', value: name, sameSite: 'Lax' as const }
  const storageState = { cookies: [cookie], origins: [] }
  return browser.visit(`${scene.app.url}/#sign-in`, { storageState })
}

/** A newcomer who has continued with the provider, and is signed in. */
async function signInNewcomer() {
  const who = scene.app.unique('page')
  const email = `${who}@example.test`
  scene.acme.people.set(who, { email, email_verified: true })
  const visit = await openAs(who)
  await visit.page.getByRole('link', { name: 'Continue with Acme' }).click()
  await visit.page.waitForFunction(() => document.cookie.includes('__Host-gantry_csrf='))
  return { visit, email }
}

test('in a real browser, a newcomer continues with a provider and is signed in', async () => {
  const { visit, email } = await signInNewcomer()
  await using _visit = visit
  const { page } = visit
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
  const { visit, email } = await signInNewcomer()
  await using _visit = visit
  const { page } = visit
  const { app } = scene
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
