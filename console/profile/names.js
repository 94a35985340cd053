import { nameFields } from '../entry/names.js'
import { card } from '../shared/elements.js'
import { form } from '../shared/form.js'
import { save, saved } from './save.js'

export function namesCard(user) {
  return card(
    'Name',
    form({
      fields: nameFields(user),
      submit: 'Save the name',
      send: ({ firstName = null, lastName = null }) => save({ firstName, lastName }),
      done: saved,
    }),
  )
}
