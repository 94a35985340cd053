import { followHealth } from './health.js'
import { showHeader } from './header.js'
import { showQuickStart } from './quick-start.js'
import { followAddress } from './router.js'
import { followMe, me, readMe } from './shared/me.js'
import { offerStepUp } from './shared/step-up.js'
import { recallTheme } from './shared/theme.js'

recallTheme()
offerStepUp()
showHeader()
showQuickStart()
followMe(() => showQuickStart({ email: me()?.email }))
followHealth()
document.querySelector('.skip').addEventListener('click', (event) => {
  // The address says what is shown, so it stays.
  event.preventDefault()
  document.getElementById('main').focus()
})
await readMe()
await followAddress()
