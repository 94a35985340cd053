const SVG = 'http://www.w3.org/2000/svg'
const SHAPES = { svg: ['viewBox'], rect: ['width', 'height', 'fill'], path: ['d', 'fill'] }

/** The picture of a QR code that the API wrote as SVG: its shapes alone, whatever else stands in it. */
export function qrPicture(text) {
  const { documentElement } = new DOMParser().parseFromString(text, 'image/svg+xml')
  const picture = copyOf(documentElement)
  picture.setAttribute('class', 'qr')
  picture.setAttribute('role', 'img')
  picture.setAttribute('aria-label', 'QR code for your authenticator app')
  return picture
}

function copyOf(node) {
  const made = document.createElementNS(SVG, node.localName)
  for (const name of SHAPES[node.localName]) {
    if (node.hasAttribute(name)) made.setAttribute(name, node.getAttribute(name))
  }
  const known = [...node.children].filter(({ localName }) => Object.hasOwn(SHAPES, localName))
  made.append(...known.map(copyOf))
  return made
}
