import { httpProblems } from '#kernel/http/problems.ts'
import { route } from '#kernel/http/route.ts'
import { admitStrangers } from '../admit.ts'
import { clientOf } from '../client.ts'
import { inForm } from '../cookies.ts'
import { exampleRegister, exampleSignedIn } from '../examples.ts'
import { problems } from '../problems.ts'
import type { Tools } from '../tools.ts'
import { acceptInvitation } from './accept.ts'
import { presentInvitation } from './present.ts'
import { invitationProblems } from './problems.ts'
import {
  AcceptInvitation,
  Accepted,
  CreateInvitation,
  Invitation,
  InvitationPage,
  invitationParams,
  InvitationQuery,
} from './schema.ts'
import { cancelInvitation, invite, listInvitations, resendInvitation } from './service.ts'

const exampleInvitation: Invitation = {
  id: 'inv_06bmza0c8dr7z3k1p5q9v2x4td',
  email: 'ben@example.com',
  accountId: 'acc_06bmza0c8dr7z3k1p5q9v2x4tb',
  role: 'member',
  status: 'pending',
  invitedBy: 'usr_06bmza0c8dr7z3k1p5q9v2x4ta',
  createdAt: '2026-11-20T12:00:00.000Z',
  sentAt: '2026-11-20T12:00:00.000Z',
  timesSent: 1,
  expiresAt: '2026-11-23T12:00:00.000Z',
}

const { notFound, ended, open, isMember, aboveYou, tooMany } = invitationProblems
const proof = [problems.stepUpRequired, httpProblems.keyNotAllowed]

export function invitationRoutes(tools: () => Tools) {
  return [
    route({
      method: 'POST',
      path: '/v1/invitations',
      summary: 'Invite somebody to an account, or to run the installation',
      description:
        'They get a link by mail, good for 72 hours. Nobody gives a role above their own; `platformRole` needs `staff.write`. ' +
        'To invite an owner, an admin or staff takes a fresh proof, which an API key cannot give.',
      access: 'invitations.write',
      account: ({ body }) => (body as CreateInvitation | undefined)?.accountId,
      body: CreateInvitation,
      returns: Invitation,
      status: 201,
      problems: [aboveYou, open, isMember, tooMany, problems.emailNotVerified, ...proof],
      examples: {
        body: { email: exampleInvitation.email, role: 'member' },
        reply: exampleInvitation,
      },
      handler: async (ctx, { body }) =>
        presentInvitation(await invite(tools(), ctx, body), ctx.clock.now()),
    }),
    route({
      method: 'GET',
      path: '/v1/invitations',
      summary: 'List invitations, newest first',
      description: 'Those that ended are listed for 90 days.',
      access: 'invitations.read',
      account: ({ query }) => query.accountId,
      query: InvitationQuery,
      returns: InvitationPage,
      examples: { query: { limit: 20 }, reply: { items: [exampleInvitation], nextCursor: null } },
      handler: async (ctx, { query }) => {
        const { rows, nextCursor } = await listInvitations(ctx, query)
        return { items: rows.map((row) => presentInvitation(row, ctx.clock.now())), nextCursor }
      },
    }),
    route({
      method: 'POST',
      path: '/v1/invitations/accept',
      summary: 'Accept an invitation',
      description:
        'Whoever has a user signs in with the address that it was sent to, by password or passkey, and accepts with that ' +
        'access token. Anybody else chooses a password here, and is signed in.',
      access: { public: 'the token of the mail is the credential', knows: true },
      admit: admitStrangers(tools),
      body: AcceptInvitation,
      returns: Accepted,
      problems: [
        ...[notFound, ended, invitationProblems.otherPerson, invitationProblems.signInFirst],
        ...[problems.signUpClosed, problems.weakPassword, problems.emailTaken],
        ...[problems.httpsRequired, problems.busy, httpProblems.keyNotAllowed],
        ...[httpProblems.notAsAnother, httpProblems.secondFactorRequired],
        problems.tooManyAttempts,
      ],
      examples: {
        body: {
          token: 'c2hvd24tb25jZS13aGVuLXRoZS1zZXJ2ZXItc3RhcnQ',
          password: exampleRegister.password,
        },
        reply: { invitation: { ...exampleInvitation, status: 'accepted' }, ...exampleSignedIn },
      },
      handler: async (ctx, { body: { session, ...body }, request }) =>
        inForm(tools(), session, await acceptInvitation(tools(), ctx, body, clientOf(request))),
    }),
    route({
      method: 'POST',
      path: '/v1/invitations/:id/resend',
      summary: 'Mail an invitation again, with a new link',
      description: 'The link before is worthless; the new one is good for 72 hours.',
      access: 'invitations.write',
      params: invitationParams,
      returns: Invitation,
      problems: [notFound, ended, aboveYou, tooMany, ...proof],
      examples: { params: { id: exampleInvitation.id }, reply: exampleInvitation },
      handler: async (ctx, { params }) =>
        presentInvitation(await resendInvitation(ctx, params.id), ctx.clock.now()),
    }),
    route({
      method: 'DELETE',
      path: '/v1/invitations/:id',
      summary: 'Take an invitation back',
      access: 'invitations.write',
      params: invitationParams,
      status: 204,
      problems: [notFound, ended],
      examples: { params: { id: exampleInvitation.id } },
      handler: (ctx, { params }) => cancelInvitation(ctx, params.id),
    }),
  ]
}
