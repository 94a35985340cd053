/** With what the kinds of operations that change many users begin. */
export const KIND = 'users.'
