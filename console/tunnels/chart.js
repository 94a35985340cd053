import { element } from '../shared/elements.js'
import { drawing } from '../shared/svg.js'

const WIDTH = 300
const HEIGHT = 60

/**
 * A small chart of one figure over time: a bar for each step. Those who do not see it get its title and its highest value.
 *
 * @param values of steps, the oldest first; of those without any, `undefined`. `failed` are parts of them
 */
export function chart(title, values, { show, failed = [] }) {
  const known = values.filter((value) => value !== undefined)
  const most = Math.max(0, ...known)
  const text = most > 0 ? `at most ${show(most)}` : 'nothing'
  const width = WIDTH / Math.max(1, values.length)
  const bars = values.flatMap((value, at) => {
    const place = { x: at * width, width: Math.max(0.5, width * 0.85) }
    return [
      ...bar(value, most, { ...place, class: 'bar' }),
      ...bar(failed[at], most, { ...place, class: 'bar-failed' }),
    ]
  })
  const base = drawing('line', { x1: 0, x2: WIDTH, y1: HEIGHT, y2: HEIGHT, class: 'base' })
  return element(
    'figure',
    { className: 'chart' },
    element('figcaption', {}, element('strong', {}, title), ` ${text}`),
    drawing(
      'svg',
      {
        ...{ viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img' },
        'aria-label': `${title}: ${text}`,
      },
      bars,
      base,
    ),
  )
}

/** From the ground up; what is there is seen, however small. */
function bar(value, most, attributes) {
  if (!value) return []
  const height = Math.max(1, (value / most) * HEIGHT)
  return [drawing('rect', { ...attributes, y: HEIGHT - height, height })]
}
