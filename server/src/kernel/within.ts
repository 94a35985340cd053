/** Whether the work ended in time; it goes on either way. @throws what the work throws in that time */
export async function within(
  deadlineMs: number,
  work: Promise<unknown> | undefined,
): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => (timer = setTimeout(resolve, deadlineMs, false)))
  try {
    return await Promise.race([Promise.resolve(work).then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}
