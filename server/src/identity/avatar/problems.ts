import { defineProblems } from '#kernel/problem.ts'

export const avatarProblems = defineProblems({
  notAPicture: {
    code: 'avatar.not_a_picture',
    status: 400,
    title: 'That is no picture that can be used',
    detail:
      'The bytes are no whole JPEG, PNG, WebP, AVIF or GIF; the name and the type that were given do not count.',
    suggestion: 'Save the picture as JPEG or PNG, and send it again.',
  },
  tooManyPixels: {
    code: 'avatar.too_many_pixels',
    status: 400,
    title: 'The picture is too large',
    detail: 'The picture has more than {megapixels} megapixels.',
    suggestion: 'Make it smaller; 512 × 512 is what is kept.',
  },
  tooLarge: {
    code: 'avatar.too_large',
    status: 413,
    title: 'The file is too large',
    detail: 'A picture may take {limit} bytes.',
    suggestion: 'Make it smaller; 512 × 512 is what is kept.',
  },
  notFound: {
    code: 'avatar.not_found',
    status: 404,
    title: 'No such picture',
    detail: 'There is no picture here, or there is a newer one.',
    suggestion: 'Read `avatarUrl` of the user again.',
  },
  busy: {
    code: 'avatar.busy',
    status: 503,
    level: 'warn',
    title: 'Too many pictures are being made',
    detail: 'The queue for making pictures is full.',
    suggestion: 'Try again in {retryAfterSeconds} seconds.',
  },
  unavailable: {
    code: 'avatar.unavailable',
    status: 503,
    level: 'warn',
    title: 'Pictures cannot be made on this machine',
    detail: 'The library that decodes pictures does not load.',
    suggestion: 'Operators: run `npm ci` on this machine; everything else works without it.',
  },
})
