import { defineProblems } from '#kernel/problem.ts'

/** Every way in which the fleet can refuse. */
export const problems = defineProblems({
  instanceNotFound: {
    code: 'fleet.instance_not_found',
    status: 404,
    title: 'No such instance',
    detail: 'There is no instance {id}.',
    suggestion: 'List them with GET /api/v1/fleet/instances; only machines of this Gantry count.',
  },
  nodeNotFound: {
    code: 'fleet.node_not_found',
    status: 404,
    title: 'No such node',
    detail: 'There is no node {id}.',
    suggestion: 'List them with GET /api/v1/fleet/nodes.',
  },
  tokenNotFound: {
    code: 'fleet.join_token_not_found',
    status: 404,
    title: 'No such join token',
    detail: 'There is no join token {id}.',
    suggestion: 'List them with GET /api/v1/fleet/join-tokens.',
  },
  builtinMachine: {
    code: 'fleet.builtin_machine',
    status: 409,
    title: 'That is the machine of the control plane itself',
    detail: '{id} is the machine that a control plane runs on: the fleet cannot {action} it.',
    suggestion: 'Stop the Gantry process on that machine instead.',
  },
  providerMissing: {
    code: 'fleet.provider_missing',
    status: 409,
    title: 'That provider is not set up',
    detail: 'The provider {provider} is not set up here.',
    suggestion: 'Set the names that docs/fleet.md lists for it, and start Gantry again.',
  },
  providerRefuses: {
    code: 'fleet.provider_refuses',
    status: 409,
    title: 'The provider cannot do that',
    detail: 'The provider {provider} cannot {action}: {reason}.',
  },
  wrongState: {
    code: 'fleet.wrong_state',
    status: 409,
    title: 'The instance cannot do that now',
    detail: 'The instance {id} is {status}; it would have to be {wanted}.',
    suggestion: 'Read the instance until its status is the wanted one.',
  },
  tooMany: {
    code: 'fleet.too_many_instances',
    status: 409,
    title: 'The fleet is as large as it may be',
    detail: '{count} instances are there; at most {limit} may be.',
    suggestion: 'Terminate an instance with DELETE /api/v1/fleet/instances/:id.',
  },
  unknownRegion: {
    code: 'fleet.unknown_region',
    status: 422,
    title: 'That region is not set up',
    detail: 'The provider {provider} has no region {region}; those that are set up: {configured}.',
    suggestion: 'Take one of those, or leave the region out.',
  },
  unknownUser: {
    code: 'fleet.unknown_user',
    status: 422,
    title: 'No such user to assign to',
    detail: 'There is no user {userId}.',
    suggestion: 'Take an id from GET /api/v1/users.',
  },
  poolChanged: {
    code: 'fleet.pool_changed',
    status: 409,
    title: 'The pool was changed meanwhile',
    detail: 'The version is {version} by now; you wrote over version {written}.',
    suggestion: 'Read the pool again and repeat the change.',
  },
  joinRefused: {
    code: 'node.join_refused',
    status: 403,
    title: 'The join token is not accepted',
    detail: 'The token is unknown, has expired or was used by another machine.',
    suggestion: 'Make a new one with POST /api/v1/fleet/join-tokens.',
  },
  ended: {
    code: 'node.ended',
    status: 403,
    title: 'That node was ended',
    detail:
      'The machine {machine} was ended after this token was made: what its node has joined with counts no more.',
    suggestion:
      'Make a new token with POST /api/v1/fleet/join-tokens and start it with that, if it is to come back.',
  },
  alreadyJoined: {
    code: 'node.already_joined',
    status: 409,
    title: 'That machine has a node that lives',
    detail: 'The machine {machine} has a node that beats.',
    suggestion: 'Stop the other process, wait 30 seconds and join again.',
  },
  unauthenticated: {
    code: 'node.unauthenticated',
    status: 401,
    title: 'The node is not known',
    detail: 'The request carries no credential of a node, or one that a later join has replaced.',
    suggestion: 'Join again with a join token.',
  },
})
