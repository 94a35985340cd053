import { card, element } from '../shared/elements.js'
import { field, form, tick } from '../shared/form.js'
import { given, save, saved, wholeNumber } from './save.js'

const PATH = 'body.settings.ec2Preferences'

/** For machines of EC2 that are started for the person. */
export function fleetCard({ settings: { ec2Preferences = {} } }) {
  const { preferredRegion, instanceType, terminateWhenIdle, idleTimeoutMinutes } = ec2Preferences
  const text = { optional: true, spellcheck: false, maxLength: 32 }
  return card(
    'Machines of the fleet',
    element(
      'p',
      { className: 'about' },
      'Where and on what your browsers run, where the operator has machines at EC2.',
    ),
    form({
      fields: [
        field({
          ...{ name: 'preferredRegion', label: 'Region', value: preferredRegion, ...text },
          ...{ path: `${PATH}.preferredRegion`, placeholder: 'eu-west-1' },
        }),
        field({
          ...{ name: 'instanceType', label: 'Instance type', value: instanceType, ...text },
          ...{ path: `${PATH}.instanceType`, placeholder: 'c7i.large' },
        }),
        tick({
          ...{ name: 'terminateWhenIdle', label: 'Terminate when idle' },
          checked: terminateWhenIdle,
        }),
        field({
          ...{ name: 'idleTimeoutMinutes', label: 'Idle after minutes', type: 'number' },
          ...{ value: idleTimeoutMinutes, optional: true, path: `${PATH}.idleTimeoutMinutes` },
        }),
      ],
      submit: 'Save',
      send: (values) => save({ settings: { ec2Preferences: preferencesOf(values) } }),
      done: saved,
    }),
  )
}

function preferencesOf({ idleTimeoutMinutes, ...rest }) {
  return given({ ...rest, idleTimeoutMinutes: wholeNumber(idleTimeoutMinutes) })
}
