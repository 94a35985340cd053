// `node:http` with the query and nothing else.
import { createServer } from 'node:http'
import { announce, openQuery } from './peer.ts'

const find = openQuery()
const server = createServer((request, response) => {
  const id = request.url!.slice(request.url!.lastIndexOf('/') + 1)
  void find(id).then((row) => {
    response.setHeader('content-type', 'application/json; charset=utf-8')
    response.end(JSON.stringify(row))
  })
})
server.listen(0, '127.0.0.1', () => announce(server.address()))
