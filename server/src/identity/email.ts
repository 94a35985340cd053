export { emailKey } from '#kernel/email-key.ts'

/** Enough to know one's own address by: `a…@example.com`. */
export function maskEmail(address: string): string {
  const at = address.lastIndexOf('@')
  const [first = ''] = address
  return `${first}…${address.slice(at)}`
}
