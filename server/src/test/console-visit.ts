import type { Page } from 'playwright-core'
import type { Person, TestApp } from '#test/app.ts'
import type { Visit, WebBrowser } from '#test/web-browser.ts'

/** A page of the console on which the person has signed in. */
export async function visitAs(
  browser: WebBrowser,
  { url }: TestApp,
  { email, password }: Pick<Person, 'email' | 'password'>,
  place: string,
  options: Parameters<WebBrowser['visit']>[1] = {},
): Promise<Visit> {
  const visit = await browser.visit(`${url.replace('127.0.0.1', 'localhost')}/#sign-in`, options)
  const { page } = visit
  await page.getByLabel('E-mail').fill(email)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.getByRole('button', { name: `Sign out ${email}` }).waitFor()
  await goTo(page, place)
  return visit
}

export async function goTo(page: Page, place: string): Promise<void> {
  await page.evaluate((place) => (location.hash = place), place)
}

/** A part of a page, by its heading. */
export function cardOf(page: Page, title: string) {
  return page.getByRole('region', { name: title, exact: true })
}

/** How far the page can be scrolled sideways: not at all, on whatever screen. */
export function overhang(page: Page): Promise<number> {
  return page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  )
}
