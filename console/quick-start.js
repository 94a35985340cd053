const blocks = [...document.querySelectorAll('pre code')]
const templates = new Map(blocks.map((block) => [block, block.textContent]))
// Made up here, so that no account has a password that stands in a manual.
const password = readable(crypto.getRandomValues(new Uint8Array(16)))
const announcer = document.getElementById('announcer')

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
  if (email) document.getElementById('step-account').textContent = 'Sign in and keep the token'
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

for (const button of document.querySelectorAll('[data-copies]')) {
  button.addEventListener('click', () => void copy(button))
}

async function copy(button) {
  const block = document.getElementById(button.dataset.copies)
  const copied = await write(block.textContent)
  // Pages that came over plain HTTP from another machine may not touch the clipboard.
  if (!copied) getSelection().selectAllChildren(block)
  button.textContent = copied ? 'Copied' : 'Ctrl+C'
  announcer.textContent = copied ? 'Copied' : 'Selected: press Control and C to copy'
  setTimeout(() => (button.textContent = 'Copy'), 2000)
}

async function write(text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return false
  }
}
