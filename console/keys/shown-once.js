import { copyButton } from '../shared/copy.js'
import { button, card, element } from '../shared/elements.js'

/** A new key, which nothing shows again. */
export function shownOnce({ name, key }, kept) {
  const shown = element('code', { className: 'secret' }, key)
  return card(
    `Your new key: ${name}`,
    element(
      'p',
      {},
      element('strong', {}, 'It is shown this once.'),
      ' Put it where only your program can read it.',
    ),
    element(
      'p',
      { className: 'with-button' },
      shown,
      copyButton(() => key, shown),
    ),
    element('p', { className: 'actions' }, button('I kept it', kept, { className: 'primary' })),
  )
}
