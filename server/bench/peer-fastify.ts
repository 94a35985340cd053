// Fastify as it comes, with the query and nothing else.
import Fastify from 'fastify'
import { announce, openQuery } from './peer.ts'

const find = openQuery()
const app = Fastify()
app.get<{ Params: { id: string } }>('/v1/sessions/:id', ({ params }) => find(params.id))
await app.listen({ port: 0, host: '127.0.0.1' })
announce(app.server.address())
