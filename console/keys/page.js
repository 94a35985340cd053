import { callForAll } from '../shared/api.js'
import { card, element } from '../shared/elements.js'
import { me } from '../shared/me.js'
import { liveCard, rows } from '../shared/parts.js'
import { readPermissions } from '../shared/permissions.js'
import { keyRow } from './key-row.js'
import { newKeyForm } from './new-key.js'
import { shownOnce } from './shown-once.js'

export const title = 'API keys'

export function show() {
  const fresh = element('div')
  const present = async (key) => {
    fresh.replaceChildren(shownOnce(key, () => fresh.replaceChildren()))
    fresh.querySelector('h2').focus()
    await list.refresh()
  }
  const list = liveCard('Keys of this account', {
    about: 'A key lets a program act for the account without anybody signing in.',
    read: readAll,
    show: ({ items, permissions }, refresh) => {
      const rowOf = (key) =>
        keyRow(key, { refresh, permissions, isOwn: key.createdBy === me().id, onNew: present })
      return rows(items, rowOf, 'No key yet.')
    },
  })
  return [fresh, list, newKeyPlace(present)]
}

function newKeyPlace(present) {
  const place = element('div')
  void readPermissions().then((permissions) => {
    if (!permissions.held.has('keys.write')) return
    place.append(card('Make a key', newKeyForm(permissions, present)))
  })
  return place
}

async function readAll() {
  const permissions = await readPermissions()
  const answer = await callForAll('/api-keys')
  return { ...answer, body: { ...answer.body, permissions: permissions.held } }
}
