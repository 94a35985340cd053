import type { Link } from './link.ts'
import type { Run } from './run.ts'
import type { Tab } from './tab.ts'

/** What a command works with: its deadline, the browser, and the page it acts on. */
export interface Scene {
  run: Run
  link: Link
  tab: Tab
}
