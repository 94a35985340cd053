import type { NavigateResult } from './command-parts.ts'
import { navigate } from './navigate.ts'
import type { SetContentInput } from './page-commands.ts'
import type { Scene } from './scene.ts'
import { readTitle } from './state.ts'

/** Shows HTML on `about:blank`, so that it acts for no site. */
export async function setContent(scene: Scene, input: SetContentInput): Promise<NavigateResult> {
  const { link, tab, run } = scene
  const { html, waitUntil = 'load' } = input
  const { url } = await navigate(scene, { url: 'about:blank' })
  const page = await link.pageOf(tab, run)
  run.awaits(`${waitUntil} of the given HTML`)
  await page.setContent(html, { waitUntil, timeout: 0, signal: run.signal })
  return { url, title: await readTitle(scene), status: null }
}
