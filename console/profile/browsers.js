import { card, element } from '../shared/elements.js'
import { field, form } from '../shared/form.js'
import { given, save, saved, wholeNumber } from './save.js'

const PATH = 'body.settings.browserPreferences'

/** For sessions that ask for nothing else. */
export function browsersCard({ settings: { browserPreferences } }) {
  const { defaultUserAgent, defaultViewport, defaultTimeout } = browserPreferences
  const number = { type: 'number', inputMode: 'numeric', optional: true }
  return card(
    'Browsers',
    element('p', { className: 'about' }, 'For sessions that ask for nothing else.'),
    form({
      fields: [
        field({
          ...{ name: 'width', label: 'Width in pixels', value: defaultViewport?.width, ...number },
          path: `${PATH}.defaultViewport.width`,
        }),
        field({
          ...{
            name: 'height',
            label: 'Height in pixels',
            value: defaultViewport?.height,
            ...number,
          },
          path: `${PATH}.defaultViewport.height`,
        }),
        field({
          ...{ name: 'timeout', label: 'Deadline of a command', value: defaultTimeout, ...number },
          ...{ path: `${PATH}.defaultTimeout`, hint: 'In milliseconds.' },
        }),
        field({
          ...{ name: 'userAgent', label: 'User agent', value: defaultUserAgent, optional: true },
          ...{ path: `${PATH}.defaultUserAgent`, maxLength: 1024, spellcheck: false },
        }),
      ],
      submit: 'Save',
      send: (values) => save({ settings: { browserPreferences: preferencesOf(values) } }),
      done: saved,
    }),
  )
}

function preferencesOf({ width, height, timeout, userAgent }) {
  const viewport = given({ width: wholeNumber(width), height: wholeNumber(height) })
  return given({
    defaultUserAgent: userAgent,
    defaultViewport: Object.keys(viewport).length > 0 ? viewport : undefined,
    defaultTimeout: wholeNumber(timeout),
  })
}
