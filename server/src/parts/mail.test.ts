import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError, loadConfig } from '#kernel/config.ts'
import { openMailParts, requiresTls } from './mail.ts'

const partsOf = (env: Record<string, string>) =>
  openMailParts(loadConfig(env), async () => ({ kind: 'anonymous' }))

test('the mailbox opens to whoever is on the machine only where development is asked for on loopback', () => {
  const rule = (env: Record<string, string>) => partsOf(env).mailbox
  const development = { NODE_ENV: 'development' }
  const named = { PUBLIC_URL: 'https://gantry.example' }
  assert.equal(rule(development), 'machine')
  assert.equal(rule({ ...development, ...named }), 'admins')
  assert.equal(rule({ ...development, HOST: '0.0.0.0' }), 'admins')
  assert.equal(rule({ ...development, TRUSTED_PROXIES: '127.0.0.1' }), 'admins')
  assert.equal(rule({}), 'admins')
  assert.equal(rule(named), 'closed')
  assert.equal(rule({ HOST: '0.0.0.0' }), 'closed')
  assert.equal(rule({ TRUSTED_PROXIES: '127.0.0.1' }), 'closed')
  assert.equal(rule({ NODE_ENV: 'staging', ...named }), 'closed')
  assert.equal(rule({ SMTP_URL: 'smtp://127.0.0.1' }), 'closed')
})

test('mail comes from the host of the public URL unless the configuration says otherwise', () => {
  const from = (env: Record<string, string>) => partsOf(env).from
  const address = 'no-reply@gantry.example'
  assert.deepEqual(from({ PUBLIC_URL: 'https://gantry.example' }), { name: 'Gantry', address })
  assert.equal(from({ PUBLIC_URL: 'https://192.0.2.1' }).address, 'no-reply@localhost')
  assert.deepEqual(from({ EMAIL_FROM: 'Shop & Co <post@shop.example>' }), {
    ...{ name: 'Shop & Co', address: 'post@shop.example' },
  })
  assert.deepEqual(from({ EMAIL_FROM: 'post@shop.example' }).address, 'post@shop.example')
  for (const wrong of [
    'post',
    'a@b.test\r\nBcc: c@d.test',
    'A\n <a@b.test>',
    'a@b.test, c@d.test',
  ]) {
    assert.throws(() => from({ EMAIL_FROM: wrong }), ConfigError, wrong)
  }
})

test('there is one transport at most, and TLS is required of each server but those on this machine', () => {
  const both = { SMTP_URL: 'smtp://127.0.0.1', SENDGRID_API_KEY: 'key' }
  assert.throws(() => partsOf(both), /exclude each other/)
  assert.throws(() => partsOf({ SMTP_URL: 'https://mail.example' }), ConfigError)
  assert.equal(partsOf({ SENDGRID_API_KEY: 'key' }).transport?.name, 'sendgrid')
  assert.equal(partsOf({}).transport, undefined)
  for (const host of ['127.0.0.1:25', 'localhost', '[::1]:25']) {
    assert.equal(requiresTls(`smtp://ann:secret@${host}`), false, host)
  }
  for (const host of ['mail.example', '10.0.0.1', '127.0.0.1.evil.test', 'localhost.evil.test']) {
    assert.equal(requiresTls(`smtp://${host}`), true, host)
  }
})
