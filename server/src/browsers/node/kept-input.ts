/** What of a command's input may be kept: what was typed only once it is known that the field shows it, and no files. */
export function keptInput(type: string, input: unknown, result: unknown): unknown {
  if (type === 'upload') return { ...(input as object), files: namesOf(input) }
  if (type === 'cookies') return withoutValues(input)
  if (type === 'navigate') return withoutCredentials(input)
  if (type === 'dialog') return withoutPromptText(input)
  if (type !== 'type') return input
  const shown = (result as { secret?: boolean } | undefined)?.secret === false
  return shown ? input : { ...(input as object), text: '[not kept]' }
}

function withoutCredentials(input: unknown): unknown {
  const { url } = input as { url: string }
  const parsed = URL.parse(url)
  if (!parsed?.username && !parsed?.password) return input
  parsed.username = ''
  parsed.password = ''
  return { ...(input as object), url: parsed.href }
}

function namesOf(input: unknown): unknown {
  const { files } = input as { files?: { name: string; base64?: string }[] }
  return files?.map(({ name }) => ({ name }))
}

function withoutPromptText(input: unknown): unknown {
  const { promptText } = input as { promptText?: string }
  return promptText === undefined ? input : { ...(input as object), promptText: '[not kept]' }
}

/** What of a command's result may be kept: no bytes, and no cookie's value. */
export function keptResult(type: string, result: unknown): unknown {
  if (type === 'cookies') return withoutValues(result)
  if (typeof result !== 'object' || result === null || !('bytes' in result)) return result
  const { bytes, ...rest } = result as { bytes: Buffer }
  return { ...rest, bytes: bytes.length }
}

function withoutValues(input: unknown): unknown {
  const { cookies } = input as { cookies?: object[] }
  if (!cookies) return input
  return {
    ...(input as object),
    cookies: cookies.map((cookie) => ({ ...cookie, value: '[not kept]' })),
  }
}
