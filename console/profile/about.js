import { card, element } from '../shared/elements.js'
import { moment } from '../shared/words.js'
import { resendButton } from '../security/email.js'

/** What is known of the person and is changed elsewhere. */
export function accountOfOne({ id, email, emailVerified, tier, roles, createdAt, lastLoginAt }) {
  return card(
    'You',
    element(
      'dl',
      { className: 'facts plain' },
      fact('E-mail', email, emailVerified ? '' : ', not confirmed'),
      fact('Tier', tier),
      fact('Roles', roles.join(', ') || 'none yet'),
      fact('Since', moment(createdAt)),
      lastLoginAt && fact('Signed in', moment(lastLoginAt)),
      fact('Id', element('code', {}, id)),
    ),
    !emailVerified && element('p', { className: 'actions' }, resendButton()),
  )
}

function fact(name, ...value) {
  return [element('dt', {}, name), element('dd', {}, ...value)]
}
