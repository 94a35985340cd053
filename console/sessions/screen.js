import { element } from '../shared/elements.js'

const FRAME = 1
/** As far outside as the server takes it. */
const LEAST = -1_000
const MOST = 100_000

/** The canvas that a live view is painted on. */
export function openScreen() {
  const canvas = element('canvas', {
    ...{ width: 1280, height: 720, className: 'screen', role: 'img' },
    'aria-label': 'What the page looks like now',
  })
  const context = canvas.getContext('2d')
  let scale = 1

  /** Resolves to the number of the picture once it is shown. */
  async function show(message) {
    const header = new DataView(message)
    if (header.getUint8(1) === FRAME) {
      const bytes = new Uint8Array(message, header.getUint16(2))
      const picture = await createImageBitmap(new Blob([bytes], { type: 'image/jpeg' }))
      if (canvas.width !== picture.width) canvas.width = picture.width
      if (canvas.height !== picture.height) canvas.height = picture.height
      context.drawImage(picture, 0, 0)
      picture.close()
      scale = header.getFloat32(24)
    }
    return header.getUint32(8)
  }

  /** Where on the page a point of the window is, in CSS pixels of the page. */
  function placeOf({ clientX, clientY }) {
    const { left, top, width } = canvas.getBoundingClientRect()
    const each = canvas.width / (width || 1) / scale
    return { x: within((clientX - left) * each), y: within((clientY - top) * each) }
  }

  return { canvas, show, placeOf }
}

function within(place) {
  return Math.min(Math.max(place, LEAST), MOST)
}
