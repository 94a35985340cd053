import { saveFile } from '../shared/api.js'
import { button, card, element } from '../shared/elements.js'
import { alertPlace, clear, showProblem } from '../shared/problem.js'

const FILES = [
  { part: 'har', text: 'HAR', suffix: '.har' },
  { part: 'console', text: 'Console as text', suffix: '-console.txt' },
  { part: 'trace', text: 'Trace for Playwright', suffix: '-trace.zip' },
]

/** What was recorded, as files. */
export function evidenceCard(path, { id }) {
  const alert = alertPlace()
  const save = async ({ part, suffix }) => {
    clear(alert)
    const answer = await saveFile(`${path}/${part}`, `${id}${suffix}`)
    if (!answer.ok) showProblem(alert, answer)
  }
  return card(
    'Recording',
    alert,
    element(
      'p',
      { className: 'actions' },
      FILES.map((file) => button(file.text, () => save(file))),
    ),
  )
}
