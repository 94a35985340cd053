import { field } from '../shared/form.js'

/** How a person is called; both may stay empty. */
export function nameFields({ firstName = '', lastName = '' } = {}) {
  return [
    field({
      ...{ name: 'firstName', label: 'First name', optional: true, value: firstName },
      ...{ autocomplete: 'given-name', maxLength: 100 },
    }),
    field({
      ...{ name: 'lastName', label: 'Last name', optional: true, value: lastName },
      ...{ autocomplete: 'family-name', maxLength: 100 },
    }),
  ]
}
