import type { Page } from 'playwright-core'
import type { Visit, WebBrowser } from '#test/web-browser.ts'
import type { FactorApp } from '../factors/test-support.ts'

export const NEW_PASSWORD = 'quiet harbour of nine lanterns'

interface Credentials {
  email: string
  password: string
}

/** The console by the name that passkeys belong to. */
export function addressOf({ app }: FactorApp): string {
  return app.url.replace('127.0.0.1', 'localhost')
}

/** A page of the console on which the person has signed in by password. */
export async function visitAs(
  browser: WebBrowser,
  world: FactorApp,
  person: Credentials,
  place = '',
): Promise<Visit> {
  const visit = await browser.visit(`${addressOf(world)}/#sign-in`)
  await typePassword(visit.page, person)
  await signedIn(visit.page, person)
  if (place) await goTo(visit.page, place)
  return visit
}

export async function typePassword(page: Page, { email, password }: Credentials): Promise<void> {
  await page.getByLabel('E-mail').fill(email)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}

export async function signedIn(page: Page, { email }: { email: string }): Promise<void> {
  await page.getByRole('button', { name: `Sign out ${email}` }).waitFor()
}

/** Follows a link to another part of the console. */
export async function goTo(page: Page, place: string): Promise<void> {
  await page.evaluate((place) => (location.hash = place), place)
}

/** A part of a page, by its heading. */
export function cardOf(page: Page, title: string) {
  return page.getByRole('region', { name: title, exact: true })
}

/** The link of a mail, as a page of the console. */
export function linkOf(world: FactorApp, { link }: { link: string | undefined }): string {
  return addressOf(world) + link!.slice(world.app.url.length)
}
