import { copyButton } from './shared/copy.js'

const blocks = [...document.querySelectorAll('pre code')]
const templates = new Map(blocks.map((block) => [block, block.textContent]))
// Made up here, so that no account has a password that stands in a manual.
const password = readable(crypto.getRandomValues(new Uint8Array(16)))

/** Fills in this server's address, and the user to sign in as when there is one already. */
export function showQuickStart({ email } = {}) {
  const values = {
    address: location.origin,
    verb: email ? 'login' : 'register',
    email: email ?? 'you@example.com',
    password: email ? 'your password' : password,
  }
  for (const [block, template] of templates) {
    block.textContent = template.replace(/\{(\w+)\}/g, (whole, name) =>
      shellSafe(values[name] ?? whole),
    )
  }
  document.getElementById('step-account').textContent = email
    ? 'Sign in and keep the token'
    : 'Make an account and keep its token'
}

/** `ab3d-…`: four groups of four letters and digits that are not mistaken for one another. */
function readable(bytes) {
  const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789'
  const text = Array.from(bytes, (byte) => alphabet[byte % alphabet.length]).join('')
  return text.match(/.{4}/g).join('-')
}

/** For a place between single quotes. */
function shellSafe(text) {
  return text.replaceAll("'", String.raw`'\''`)
}

for (const place of document.querySelectorAll('[data-copies]')) {
  const block = document.getElementById(place.dataset.copies)
  const made = copyButton(() => block.textContent, block)
  made.setAttribute('aria-describedby', place.dataset.title)
  place.append(made)
}
