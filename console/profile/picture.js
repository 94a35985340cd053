import { call } from '../shared/api.js'
import { card, element, tell } from '../shared/elements.js'
import { form } from '../shared/form.js'
import { readMe } from '../shared/me.js'
import { act } from '../shared/parts.js'
import { goTo } from '../shared/way.js'

const SIZE = 128
const TYPES = 'image/jpeg,image/png,image/webp,image/avif,image/gif'

/** The person's picture, with a look at the next one before it is sent. */
export function pictureCard({ avatarUrl }) {
  const shown = element('div', { className: 'picture' })
  if (avatarUrl) shown.append(element('img', { src: avatarUrl, alt: 'Your picture' }))
  const file = element('input', { type: 'file', accept: TYPES, id: 'picture-file' })
  file.addEventListener('change', () => void preview(file.files[0], shown))
  return card(
    'Picture',
    shown,
    form({
      fields: [filePart(file)],
      submit: 'Save the picture',
      send: () => save(file.files[0]),
      done: changed,
      aside: avatarUrl ? [removeButton()] : [],
    }),
  )
}

function filePart(file) {
  return element(
    'div',
    { className: 'field' },
    element('label', { htmlFor: file.id }, 'File'),
    file,
    element('p', { className: 'hint' }, 'At most 5 MiB. What is kept is a square from its middle.'),
  )
}

async function save(file) {
  if (!file) return { ok: false, body: { title: 'Choose a file first' } }
  return call('PUT', '/users/me/avatar', { base64: await base64Of(file) })
}

function removeButton() {
  return act('Remove', {
    ...{ method: 'DELETE', path: '/users/me/avatar', className: 'danger', done: changed },
  })
}

async function changed() {
  await readMe()
  goTo('profile')
  tell('Saved.')
}

async function base64Of(file) {
  const bytes = new Uint8Array(await file.arrayBuffer())
  if (bytes.toBase64) return bytes.toBase64()
  const chunks = []
  for (let at = 0; at < bytes.length; at += 0x8000) {
    chunks.push(String.fromCharCode(...bytes.subarray(at, at + 0x8000)))
  }
  return btoa(chunks.join(''))
}

/** Drawn, since the page loads pictures from its server only. One that this browser cannot read is left to the server to judge. */
async function preview(file, place) {
  if (!file) return
  try {
    const picture = await createImageBitmap(file)
    const edge = Math.min(picture.width, picture.height)
    const canvas = element('canvas', { width: SIZE, height: SIZE, role: 'img' })
    canvas.setAttribute('aria-label', 'The new picture')
    const from = [(picture.width - edge) / 2, (picture.height - edge) / 2, edge, edge]
    canvas.getContext('2d').drawImage(picture, ...from, 0, 0, SIZE, SIZE)
    place.replaceChildren(canvas)
  } catch {
    place.replaceChildren()
  }
}
