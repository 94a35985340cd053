import { showAccount, showWho } from './account.js'
import { followHealth } from './health.js'
import { showQuickStart } from './quick-start.js'
import { offerSetup } from './setup.js'

showQuickStart()
offerSetup({
  done(email) {
    showQuickStart({ email })
    void showWho()
  },
})
showAccount()
followHealth()
