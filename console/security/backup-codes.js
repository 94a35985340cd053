import { button, element } from '../shared/elements.js'
import { copyButton, download } from '../shared/copy.js'

/** Ten codes that nothing shows again. @param kept what happens when the person says that they have them */
export function backupCodes(codes, kept) {
  const list = element(
    'ul',
    { className: 'codes' },
    codes.map((code) => element('li', {}, element('code', {}, code))),
  )
  const text = `Backup codes of ${location.host}\n\n${codes.join('\n')}\n\nEach works once.\n`
  const made = element(
    'div',
    {},
    element('h3', { tabIndex: -1 }, 'Keep your backup codes'),
    element(
      'p',
      {},
      'Each signs you in once, on the day when neither app nor passkey is at hand. ',
      element('strong', {}, 'They are shown this once.'),
    ),
    list,
    element(
      'p',
      { className: 'actions' },
      copyButton(() => codes.join('\n'), list),
      button('Download', () => download('gantry-backup-codes.txt', text)),
      button('I kept them', kept, { className: 'primary' }),
    ),
  )
  queueMicrotask(() => made.querySelector('h3').focus())
  return made
}
