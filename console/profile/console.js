import { card } from '../shared/elements.js'
import { field, form, tick } from '../shared/form.js'
import { save, saved } from './save.js'

const THEMES = [
  { value: 'system', text: 'as the system' },
  { value: 'light', text: 'light' },
  { value: 'dark', text: 'dark' },
]

/** How this console looks and speaks, and what it tells. */
export function consoleCard({ settings: { theme, language, notifications } }) {
  return card(
    'Console',
    form({
      fields: [
        field({
          ...{ name: 'theme', label: 'Theme', options: THEMES, value: theme },
          path: 'body.settings.theme',
        }),
        field({
          ...{ name: 'language', label: 'Language', value: language, maxLength: 35 },
          ...{ path: 'body.settings.language', spellcheck: false, autocomplete: 'language' },
          hint: 'A tag such as en, de or pt-BR. Dates and times follow it.',
        }),
        tick({ name: 'email', label: 'Tell me by mail', checked: notifications.email }),
        tick({ name: 'inApp', label: 'Tell me in the console', checked: notifications.inApp }),
      ],
      submit: 'Save',
      send: ({ theme, language, email, inApp }) =>
        save({ settings: { theme, language, notifications: { email, inApp } } }),
      done: saved,
    }),
  )
}
