interface Question {
  method?: 'GET' | 'POST' | 'DELETE'
  body?: unknown
  token?: string
  deadlineMs?: number
}

/** One request in JSON. @throws with status and text of a refusal, and when no answer comes in time */
export async function ask<Answer>(url: string, question: Question = {}): Promise<Answer> {
  const { method = 'GET', body, token, deadlineMs = 30_000 } = question
  const response = await fetch(url, {
    method,
    signal: AbortSignal.timeout(deadlineMs),
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json; charset=utf-8' }),
      ...(token && { authorization: `Bearer ${token}` }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text.slice(0, 500)}`)
  return (text === '' ? undefined : JSON.parse(text)) as Answer
}

/** @throws unless `work` ends in time */
export async function inTime<Result>(
  what: string,
  work: Promise<Result>,
  deadlineMs: number,
): Promise<Result> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => reject(new Error(`not within ${deadlineMs} ms: ${what}`)),
    deadlineMs,
  )
  return Promise.race([work, promise]).finally(() => clearTimeout(timer))
}
