import { route } from '#kernel/http/route.ts'
import { exampleUser } from './examples.ts'
import { changeMe, changeSettings, getMe, getSettings } from './profile.ts'
import { ProfileChange, User } from './schema.ts'
import { UserSettings, UserSettingsChange } from './settings.ts'

const OWN = { signedIn: 'everybody sees and changes their own profile' }

export const userRoutes = [
  route({
    method: 'GET',
    path: '/v1/users/me',
    summary: 'Show the signed-in user',
    description: 'For an API key, the user who made it: the key acts in that name.',
    access: { ...OWN, keys: true, unfinished: true },
    returns: User,
    examples: { reply: exampleUser },
    handler: getMe,
  }),
  route({
    method: 'PUT',
    path: '/v1/users/me',
    summary: 'Change the name or the settings of the signed-in user',
    description:
      'Members that are left out stay as they are; `null` removes a name. What was read may be sent back whole: ' +
      'read-only members are accepted when they are unchanged.',
    access: OWN,
    body: ProfileChange,
    returns: User,
    examples: { body: { firstName: 'Ann', settings: { theme: 'dark' } }, reply: exampleUser },
    handler: (ctx, { body }) => changeMe(ctx, body),
  }),
  route({
    method: 'GET',
    path: '/v1/users/settings',
    summary: 'Show the settings of the signed-in user',
    access: OWN,
    returns: UserSettings,
    examples: { reply: exampleUser.settings },
    handler: getSettings,
  }),
  route({
    method: 'PUT',
    path: '/v1/users/settings',
    summary: 'Change settings of the signed-in user',
    description:
      'Members that are left out stay as they are; one that is given is replaced as a whole.',
    access: OWN,
    body: UserSettingsChange,
    returns: UserSettings,
    examples: { body: { theme: 'dark' }, reply: exampleUser.settings },
    handler: (ctx, { body }) => changeSettings(ctx, body),
  }),
]
