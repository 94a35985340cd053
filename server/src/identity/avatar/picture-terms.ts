/** Width and height of a stored picture. */
export const SIDE = 512
/** What is decoded at most, about 6,000 × 6,000: each pixel takes 4 bytes of memory. */
export const MAX_PIXELS = 36_000_000

/** How the program that makes pictures ends. */
export const EXITS = { done: 0, refused: 2, tooManyPixels: 3, unavailable: 4 } as const
