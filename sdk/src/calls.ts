import createFetchClient, {
  type ClientPathsWithMethod,
  type Client,
  type FetchResponse,
  type MaybeOptionalInit,
  type ParseAs,
} from 'openapi-fetch'
import type { Fetch } from './credentials.ts'
import { errorOf } from './error.ts'
import type { paths } from './openapi.d.ts'

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete'
type Media = `${string}/${string}`
type PathOf<M extends Method> = ClientPathsWithMethod<Client<paths>, M>
type InitOf<M extends Method, Path extends PathOf<M>> = MaybeOptionalInit<
  paths[Path],
  M & keyof paths[Path]
>
/** The body is read in another way than as JSON only where the caller asks for it. */
type ArgumentsOf<Init, As extends ParseAs> = undefined extends Init
  ? [init?: Init & { parseAs?: As }]
  : [init: Init & { parseAs?: As }]

type DataOf<Operation, As extends ParseAs> =
  Operation extends Record<string | number, unknown>
    ? Exclude<FetchResponse<Operation, { parseAs: As }, Media>['data'], undefined>
    : never

/** What a call resolves with; a refusal rejects with a `GantryError` instead. */
interface Answer<Data> {
  /** Undefined for an answer without a body. */
  readonly data: [Data] extends [never] ? undefined : Data
  readonly response: Response
}

type Call<M extends Method> = <Path extends PathOf<M>, As extends ParseAs = 'json'>(
  path: Path,
  ...init: ArgumentsOf<InitOf<M, Path>, As>
) => Promise<Answer<DataOf<paths[Path][M & keyof paths[Path]], As>>>

/** Every path of the API, with its parameters, body and answer typed: `GET('/api/v1/sessions', { params: { query: { limit: 5 } } })`. */
export interface Calls {
  readonly GET: Call<'get'>
  readonly POST: Call<'post'>
  readonly PUT: Call<'put'>
  readonly PATCH: Call<'patch'>
  readonly DELETE: Call<'delete'>
}

export function openCalls(url: string, send: Fetch): Calls {
  const client = createFetchClient<paths>({ baseUrl: url, fetch: send })
  client.use({
    async onResponse({ response }) {
      if (!response.ok) throw await errorOf(response)
    },
  })
  // Since the middleware throws what is no success, the branch with an error never comes back.
  return client as unknown as Calls
}
