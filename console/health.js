import { duration } from './shared/words.js'

const EVERY_MS = 5000
const DEADLINE_MS = 4000

const overall = document.getElementById('overall')
const checks = document.getElementById('checks')
const facts = document.getElementById('facts')

const SENTENCES = {
  ok: 'Everything works',
  degraded: 'Works, with less than usual',
  failing: 'Something essential is down',
  unknown: 'This server does not answer',
}
const STATES = { ok: '✓ ok', degraded: '! degraded', failing: '✕ failing' }

/** Shows the server's health, and looks again every 5 s while somebody can see the page. */
export function followHealth() {
  let timer
  const look = async () => {
    clearTimeout(timer)
    if (document.hidden) return
    show(await askHealth())
    clearTimeout(timer)
    timer = setTimeout(() => void look(), EVERY_MS)
  }
  document.addEventListener('visibilitychange', () => void look())
  void look()
}

async function askHealth() {
  try {
    const answer = await fetch('/health', { signal: AbortSignal.timeout(DEADLINE_MS) })
    const health = await answer.json()
    return health.checks ? health : undefined
  } catch {
    return undefined
  }
}

function show(health) {
  const status = health?.status ?? 'unknown'
  // A status region speaks at each change of its text, so it is only written when there is one.
  if (overall.dataset.status !== status || status === 'unknown') {
    overall.dataset.status = status
    setText(overall, SENTENCES[status])
  }
  if (!health) return
  setText(document.getElementById('version'), health.version)
  checks.replaceChildren(...Object.entries(health.checks).map(([name, check]) => row(name, check)))
  facts.replaceChildren(
    ...fact('Up for', duration(health.uptimeSeconds)),
    ...fact('This process does', health.roles.join(', ')),
    ...fact('Version', `${health.version}, ${health.environment}`),
  )
}

function row(name, { status, what, detail, durationMs }) {
  const state = element('span', STATES[status])
  state.className = 'state'
  state.dataset.status = status
  state.title = `looked at in ${durationMs} ms`
  const item = document.createElement('li')
  item.append(element('strong', name), state, element('p', what))
  if (detail) item.append(sentence(detail))
  return item
}

/** A page of the console that it names becomes a link. */
function sentence(detail) {
  const made = element('p', '')
  made.append(
    ...detail.split(/(\/console\/[a-z-]+\.html)/).map((part, index) => {
      if (index % 2 === 0) return part
      const link = element('a', part)
      link.href = part
      return link
    }),
  )
  return made
}

function fact(name, value) {
  return [element('dt', name), element('dd', value)]
}

function element(name, text) {
  const made = document.createElement(name)
  made.textContent = text
  return made
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text
}
