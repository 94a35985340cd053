import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:https'
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect } from 'node:tls'
import pino from 'pino'
import { generate } from 'selfsigned'
import { Certificates } from './certificates.ts'
import { temporaryPath } from './test-support.ts'

interface Served extends AsyncDisposable {
  directory: string
  certificates: Certificates
  lines: { msg: string; why?: string; file?: string }[]
  /** Serial number of what a client gets that asks for `name`; without one it names none. */
  seen(name?: string): Promise<string>
  server: Server
}

/** A certificate and its key in PEM, and its serial number. */
async function make(...names: string[]) {
  const { cert, private: key } = await generate([{ name: 'commonName', value: names[0]! }], {
    ...{ keyType: 'ec', curve: 'P-256', algorithm: 'sha256' },
    extensions: [
      {
        name: 'subjectAltName',
        altNames: names.map((value) => ({ type: 2 as const, value })),
      },
    ],
  })
  return { cert, key }
}

type Made = Awaited<ReturnType<typeof make>>

async function serve(first: Made): Promise<Served> {
  const directory = temporaryPath()
  await mkdir(join(directory, 'more'), { recursive: true })
  await write(directory, 'own', first)
  const lines: Served['lines'] = []
  const log = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line)) })
  const certificates = (await Certificates.open(
    {
      TLS_CERT_FILE: join(directory, 'own.crt'),
      TLS_KEY_FILE: join(directory, 'own.key'),
      TLS_CERT_DIR: join(directory, 'more'),
    },
    log,
  ))!
  // After the look that it begins with by itself.
  await certificates.look()
  const server = createServer(certificates.options, (_asked, answer) => answer.end('hello'))
  certificates.serve(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    ...{ directory, certificates, lines, server },
    seen: async (name) => {
      const socket = connect({ port, host: '127.0.0.1', servername: name ?? '', ...UNCHECKED })
      await once(socket, 'secureConnect')
      const { raw } = socket.getPeerCertificate()
      socket.destroy()
      return pem(raw)
    },
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await certificates[Symbol.asyncDispose]()
    },
  }
}

const UNCHECKED = { rejectUnauthorized: false }

const pem = (raw: Buffer | string) =>
  (typeof raw === 'string' ? raw.replaceAll(/-----[^-]+-----|\s/g, '') : raw.toString('base64')) +
  '\n'

/** As ACME clients write: another file, then its name. */
async function write(directory: string, name: string, { cert, key }: Made): Promise<void> {
  for (const [ending, text] of [
    ['crt', cert],
    ['key', key],
  ] as const) {
    await writeFile(join(directory, `${name}.new`), text)
    await rename(join(directory, `${name}.new`), join(directory, `${name}.${ending}`))
  }
}

test('a renewed certificate is shown without a restart, with a name and without one', async () => {
  const [old, renewed] = [await make('one.example'), await make('one.example')]
  await using at = await serve(old)
  const open = connect({ port: (at.server.address() as AddressInfo).port, ...UNCHECKED })
  await once(open, 'secureConnect')
  assert.equal(await at.seen('one.example'), pem(old.cert))
  await write(at.directory, 'own', renewed)
  await at.certificates.look()
  assert.equal(await at.seen('one.example'), pem(renewed.cert))
  assert.equal(await at.seen(), pem(renewed.cert))
  open.write('GET / HTTP/1.1\r\nHost: one.example\r\nConnection: close\r\n\r\n')
  const [answer] = (await once(open, 'data')) as [Buffer]
  assert.match(answer.toString(), /^HTTP\/1\.1 200/, 'a connection of before goes on')
})

test('between the two writes of a renewal, and when it is broken, the earlier one stays and that is told once', async () => {
  const [old, renewed] = [await make('one.example'), await make('one.example')]
  await using at = await serve(old)
  await writeFile(join(at.directory, 'own.crt'), renewed.cert)
  await at.certificates.look()
  await at.certificates.look()
  assert.equal(await at.seen('one.example'), pem(old.cert))
  const told = at.lines.filter(({ why }) => why !== undefined)
  assert.deepEqual(
    told.map(({ why }) => why),
    [`${join(at.directory, 'own.key')} is not the key of it`],
  )
  await writeFile(join(at.directory, 'own.key'), renewed.key)
  await at.certificates.look()
  assert.equal(await at.seen('one.example'), pem(renewed.cert))
  await rm(join(at.directory, 'own.key'))
  await at.certificates.look()
  assert.equal(await at.seen('one.example'), pem(renewed.cert))
})

test('a directory adds certificates for their names, as lego and certbot lay them out', async () => {
  const own = await make('gantry.example')
  const [shop, wild, later] = [
    await make('shop.example'),
    await make('*.tunnels.example'),
    await make('shop.example'),
  ]
  await using at = await serve(own)
  const more = join(at.directory, 'more')
  await write(more, 'shop.example', shop)
  await writeFile(join(more, 'shop.example.issuer.crt'), wild.cert)
  // The files of certbot are links to those of an archive.
  const archive = join(at.directory, 'archive')
  await mkdir(join(more, 'tunnels.example'))
  await mkdir(archive)
  await write(archive, '1', wild)
  await symlink(join(archive, '1.crt'), join(more, 'tunnels.example/fullchain.pem'))
  await symlink(join(archive, '1.key'), join(more, 'tunnels.example/privkey.pem'))
  await at.certificates.look()
  assert.equal(await at.seen('shop.example'), pem(shop.cert))
  assert.equal(await at.seen('SHOP.example'), pem(shop.cert))
  assert.equal(await at.seen('a.tunnels.example'), pem(wild.cert))
  assert.equal(await at.seen('a.b.tunnels.example'), pem(own.cert), 'one label for a star')
  assert.equal(await at.seen('elsewhere.example'), pem(own.cert))
  assert.deepEqual(
    at.lines.filter(({ why }) => why !== undefined),
    [],
  )

  await write(more, 'shop.example', later)
  await rm(join(more, 'tunnels.example'), { recursive: true })
  await at.certificates.look()
  assert.equal(await at.seen('shop.example'), pem(later.cert))
  assert.equal(await at.seen('a.tunnels.example'), pem(own.cert), 'what was removed is gone')
})

test('a start with a certificate that cannot be used says what is wrong', async () => {
  const [one, other] = [await make('one.example'), await make('one.example')]
  const directory = temporaryPath()
  await mkdir(directory)
  await write(directory, 'own', { cert: one.cert, key: other.key })
  const config = {
    TLS_CERT_FILE: join(directory, 'own.crt'),
    TLS_KEY_FILE: join(directory, 'own.key'),
    TLS_CERT_DIR: undefined,
  }
  await assert.rejects(
    Certificates.open(config, pino({ level: 'silent' })),
    /TLS_CERT_FILE is '.*own\.crt': it cannot be used: .*own\.key is not the key of it/,
  )
})
