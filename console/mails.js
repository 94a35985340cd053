import { call } from './shared/api.js'
import { button, element } from './shared/elements.js'
import { recallTheme } from './shared/theme.js'
import { paragraph } from './shared/words.js'

const MAILS = '/dev/mails'
const LINK = /(https?:\/\/\S+)/

const by = (id) => document.getElementById(id)

by('reload').addEventListener('click', () => void showList())
by('empty').addEventListener('click', () => void emptyMailbox())
recallTheme()
void showList()

async function showList() {
  const answer = await call('GET', MAILS)
  by('mailbox').hidden = !answer.ok
  by('sign-in').hidden = answer.ok
  if (!answer.ok) {
    const why = paragraph(`${answer.body.title}. ${answer.body.suggestion ?? ''}`)
    by('sign-in-why').replaceChildren(...why.childNodes)
    return
  }
  const { items } = answer.body
  by('none').textContent = items.length === 0 ? 'No mail yet.' : ''
  by('list').replaceChildren(...items.map(row))
}

function row({ id, to, subject, createdAt }) {
  return element(
    'li',
    {},
    button(subject, () => showMail(id)),
    element('p', {}, `${to}, ${new Date(createdAt).toLocaleString()}`),
  )
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
  by('preview').src = `/api/v1${MAILS}/${id}`
}

function linked(part) {
  return LINK.test(part) ? element('a', { href: part }, part) : part
}

async function emptyMailbox() {
  await call('DELETE', MAILS)
  by('mail').hidden = true
  await showList()
}
