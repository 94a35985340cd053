import { defineProblems } from '#kernel/problem.ts'

export const signingProblems = defineProblems({
  sameKmsKey: {
    code: 'signing.same_kms_key',
    status: 409,
    title: 'That KMS key is known already',
    detail:
      'KMS_SIGNING_KEY_ID leads to a key that signs, or has signed, tokens of this installation.',
    suggestion:
      'Make a new key in KMS, let the name or alias in KMS_SIGNING_KEY_ID lead to it, and try again.',
  },
})
