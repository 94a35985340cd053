const DEADLINE_MS = 10_000
const MAILS = '/api/v1/dev/mails'
const LINK = /(https?:\/\/\S+)/

const by = (id) => document.getElementById(id)

// In memory only: whoever opens the page again signs in again.
let token

by('reload').addEventListener('click', () => void showList())
by('empty').addEventListener('click', () => void emptyMailbox())
by('sign-in-form').addEventListener('submit', (event) => {
  event.preventDefault()
  void signIn(Object.fromEntries(new FormData(event.target)))
})
void showList()

async function showList() {
  const answer = await call('GET', MAILS)
  by('mailbox').hidden = !answer.ok
  by('sign-in').hidden = answer.ok
  if (!answer.ok) {
    by('sign-in-why').textContent = `${answer.body.title}. ${answer.body.suggestion ?? ''}`
    return
  }
  const { items } = answer.body
  by('none').textContent = items.length === 0 ? 'No mail yet.' : ''
  by('list').replaceChildren(...items.map(row))
}

function row({ id, to, subject, createdAt }) {
  const open = document.createElement('button')
  open.type = 'button'
  open.textContent = subject
  open.addEventListener('click', () => void showMail(id))
  const about = document.createElement('p')
  about.textContent = `${to}, ${new Date(createdAt).toLocaleString()}`
  const item = document.createElement('li')
  item.append(open, about)
  return item
}

async function showMail(id) {
  const answer = await call('GET', `${MAILS}/${id}`)
  if (!answer.ok) return showList()
  const { subject, to, template, text } = answer.body
  by('mail').hidden = false
  by('subject').textContent = subject
  by('about').textContent = `To ${to}; template ${template}`
  by('text').replaceChildren(...text.split(LINK).map(linked))
  by('subject').focus()
  // A frame cannot send a token.
  by('preview').hidden = token !== undefined
  if (token === undefined) by('preview').src = `${MAILS}/${id}`
}

function linked(part) {
  if (!LINK.test(part)) return part
  const link = document.createElement('a')
  link.href = part
  link.textContent = part
  return link
}

async function emptyMailbox() {
  await call('DELETE', MAILS)
  by('mail').hidden = true
  await showList()
}

async function signIn(given) {
  const answer = await call('POST', '/api/v1/auth/login', given)
  token = answer.ok ? answer.body.accessToken : undefined
  if (token) return showList()
  by('sign-in-why').textContent = answer.ok
    ? 'This user signs in with a second factor, which this page does not ask for: use the API.'
    : `${answer.body.title}. ${answer.body.suggestion ?? ''}`
}

/** Resolves always; a server that does not answer counts as a refusal. */
async function call(method, path, body) {
  try {
    const answer = await fetch(path, {
      method,
      headers: {
        accept: 'application/json',
        ...(body && { 'content-type': 'application/json' }),
        ...(token && { authorization: `Bearer ${token}` }),
      },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(DEADLINE_MS),
    })
    const text = await answer.text()
    return { ok: answer.ok, body: text ? JSON.parse(text) : {} }
  } catch {
    return { ok: false, body: { title: 'The server did not answer' } }
  }
}
