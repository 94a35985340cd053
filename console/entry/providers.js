import { call } from '../shared/api.js'
import { element } from '../shared/elements.js'
import { keepWanted } from '../shared/way.js'

/** A link `Continue with …` for each provider that the operator has configured; empty without any. */
export function providerLinks() {
  const place = element('div', { className: 'ways' })
  void call('GET', '/auth/oauth').then(({ ok, body }) => {
    if (ok) place.append(...body.items.map(providerLink))
  })
  return place
}

function providerLink({ id, name }) {
  const href = `/api/v1/auth/oauth/${encodeURIComponent(id)}`
  return element('a', { className: 'button', href, onclick: keepWanted }, `Continue with ${name}`)
}
