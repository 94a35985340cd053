import type { TemplateValues, Templates } from './values.ts'
import { foreign } from './words.ts'

const NOT_YOU = 'If this was not you, change your password now and look at your signed-in devices.'
const NOT_YOUR_IDENTITY =
  'If this was not you, unlink it among your linked providers, and change your password after that: a new password alone does not keep it out.'
const IGNORE = 'If you did not ask for this, ignore this mail: nothing changes.'

/** The mails in English. What people chose themselves passes `foreign`. */
export const en: Templates = {
  verify_email: ({ link, expiresInHours }) => ({
    subject: 'Confirm your e-mail address',
    body: [
      'Confirm that this address is yours, so that we can reach you when it matters.',
      { action: 'Confirm the address', link },
      `The link works once, for ${count(expiresInHours, 'hour')}.`,
      IGNORE,
    ],
  }),
  reset_password: ({ link, expiresInMinutes, ipAddress }) => ({
    subject: 'Choose a new password',
    body: [
      'Somebody asked for a new password for your user.',
      { action: 'Choose a new password', link },
      `The link works once, for ${count(expiresInMinutes, 'minute')}.`,
      { facts: { 'Asked from': ipAddress } },
      IGNORE,
    ],
  }),
  password_changed: ({ at, ipAddress, userAgent }) => ({
    subject: 'Your password was changed',
    body: ['The password of your user was changed.', place(at, ipAddress, userAgent), NOT_YOU],
  }),
  email_changed: ({ newEmailMasked, at }) => ({
    subject: 'Your e-mail address was changed',
    body: [
      'Your user has another e-mail address now. Mails go there from here on.',
      { facts: { 'New address': foreign(newEmailMasked), When: time(at) } },
      'If this was not you, tell the operator of this installation at once.',
    ],
  }),
  email_change_requested: ({ newEmailMasked, at }) => ({
    subject: 'Another e-mail address was asked for',
    body: [
      'Somebody who knows your password asked for another e-mail address for your user. It changes once a link is followed that was mailed there.',
      { facts: { 'New address': foreign(newEmailMasked), When: time(at) } },
      'If this was not you, choose a new password at once: that link is good for nothing then.',
    ],
  }),
  confirm_new_email: ({ link, expiresInHours }) => ({
    subject: 'Confirm your new e-mail address',
    body: [
      'Confirm this address to use it for your user from now on.',
      { action: 'Confirm the new address', link },
      `The link works once, for ${count(expiresInHours, 'hour')}.`,
      IGNORE,
    ],
  }),
  new_device: ({ at, ipAddress, userAgent }) => ({
    subject: 'A new device has signed in',
    body: [
      'A device that we had not seen before has signed in as you.',
      place(at, ipAddress, userAgent),
      NOT_YOU,
    ],
  }),
  sign_in_locked: ({ until }) => ({
    subject: 'Sign-in is locked for a while',
    body: [
      'Somebody tried wrong passwords for your user, so nobody can sign in as you for a while.',
      { facts: { 'Locked until': time(until) } },
      'If this was you, wait until then or choose a new password. If not, your password held.',
    ],
  }),
  second_factor_locked: ({ until }) => ({
    subject: 'Somebody who knows your password is guessing at your second factor',
    body: [
      'Your password was right, and ten second factors were wrong, so none is looked at for a while.',
      { facts: { 'Locked until': time(until) } },
      'If this was not you, choose another password now: this one is known.',
    ],
  }),
  invitation: ({ link, inviter, account, role, expiresInHours }) => ({
    subject: `Invitation to ${foreign(account)}`,
    body: [
      `${foreign(inviter)} invites you to ${foreign(account)} as ${foreign(role)}.`,
      { action: 'See the invitation', link },
      `The link works once, for ${count(expiresInHours, 'hour')}.`,
      'If you do not know who this is, ignore this mail.',
    ],
  }),
  second_factor_changed: ({ what, codesLeft, at }) => ({
    subject: FACTORS[what],
    body: [
      `${FACTORS[what]}.`,
      { facts: { When: time(at), 'Backup codes left': codesLeft?.toString() } },
      NOT_YOU,
    ],
  }),
  user_created: ({ link, account, expiresInHours }) => ({
    subject: 'A user was made for you',
    body: [
      `The operator of this installation made a user for you${account ? `, a member of ${foreign(account)}` : ''}.`,
      { action: 'Choose your password', link },
      `The link works once, for ${count(expiresInHours, 'hour')}; after that, ask for a new password where you sign in.`,
      'If you do not know who this is, ignore this mail: nobody can sign in until a password is chosen.',
    ],
  }),
  tier_changed: ({ account, tier, before, at }) => ({
    subject: `${foreign(account)} has another tier`,
    body: [
      `The operator gave ${foreign(account)} another tier.`,
      { facts: { Before: before, Now: tier, When: time(at) } },
    ],
  }),
  alerts_raised: ({ count, alerts, at }) => ({
    subject: count === 1 ? 'An alert was raised' : `${count} alerts were raised`,
    body: [
      'Something goes on in this installation that you should look at:',
      ...alerts,
      { facts: { Last: time(at) } },
      '`GET /v1/admin/alerts` lists what is open.',
    ],
  }),
  identity_changed: ({ provider, what, at }) => ({
    subject: `Sign-in by ${foreign(provider)} was turned ${what === 'linked' ? 'on' : 'off'}`,
    body: [
      what === 'linked'
        ? `An identity at ${foreign(provider)} was linked with your user and can sign in as you.`
        : `An identity at ${foreign(provider)} was unlinked from your user and signs you in no more.`,
      { facts: { When: time(at) } },
      what === 'linked' ? NOT_YOUR_IDENTITY : NOT_YOU,
    ],
  }),
  account_deletion: ({ restoreUntil, link }) => ({
    subject: 'Your user will be deleted',
    body: [
      link
        ? 'You asked to have your user deleted. It is closed now, and is deleted for good later.'
        : 'An administrator had your user deleted. It is closed now, and is deleted for good later; whoever runs the installation can restore it.',
      { facts: { 'Can be restored until': time(restoreUntil) } },
      ...(link ? [{ action: 'Restore it', link }] : []),
    ],
  }),
  user_restored: ({ at }) => ({
    subject: 'Your user was restored',
    body: [
      'Your user is not deleted any more. Sign in as before; devices are signed out, and API keys have to be made anew.',
      { facts: { When: time(at) } },
      'If this was not you, set a new password at once.',
    ],
  }),
  export_ready: ({ link, availableUntil }) => ({
    subject: 'Your data is ready',
    body: [
      'You asked for a copy of your data. It can be downloaded now, by you alone: signed in, with a fresh proof that it is you.',
      { facts: { 'Can be downloaded until': time(availableUntil) } },
      { action: 'Go to the download', link },
      'If this was not you, change your password at once.',
    ],
  }),
}

const FACTORS: Record<TemplateValues['second_factor_changed']['what'], string> = {
  enabled: 'Two-step sign-in was turned on',
  disabled: 'Two-step sign-in was turned off',
  backup_codes_regenerated: 'New backup codes were made; the old ones are void',
  backup_code_used: 'A backup code was used to sign in',
  passkey_added: 'A passkey was added',
  passkey_removed: 'A passkey was removed',
  reset_by_admin: 'An operator removed your second factors; sign in and set up new ones',
}

function place(at: string, ipAddress?: string, userAgent?: string) {
  return {
    facts: { When: time(at), Address: ipAddress, Device: userAgent && foreign(userAgent) },
  }
}

function count(number: number, unit: string): string {
  return `${number} ${unit}${number === 1 ? '' : 's'}`
}

/** `2026-11-20 12:00 UTC` */
function time(at: string): string {
  const iso = new Date(at).toISOString()
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`
}
