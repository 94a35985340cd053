const SVG = 'http://www.w3.org/2000/svg'

/** The same as `element`, for drawings; every property is an attribute. */
export function drawing(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined) made.setAttribute(key, String(value))
  }
  made.append(...children.flat())
  return made
}
