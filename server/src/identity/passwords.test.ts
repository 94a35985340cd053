import assert from 'node:assert/strict'
import { argon2Sync } from 'node:crypto'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { Turns, TurnsFull } from '#kernel/turns.ts'
import { passwordFault, typedPasswordFault } from './password-text.ts'
import { weaknesses } from './password-strength.ts'
import {
  decoyHash,
  hashPassword,
  isWeaker,
  PASSWORD_COST,
  type PasswordCost,
  verifyPassword,
} from './passwords.ts'

const cheap: PasswordCost = { memoryKib: 64, passes: 1, parallelism: 1 }
const never = new AbortController().signal
const ann = { email: 'ann.lovelace@example.com', firstName: 'Ann', lastName: 'Lovelace' }

test('a hash of the real cost is argon2id with 64 MiB and 3 passes, and verifies', async () => {
  const stored = await hashPassword('correct horse battery', PASSWORD_COST)
  assert.match(stored, /^\$argon2id\$v=19\$m=65536,t=3,p=1\$[\w+/]{22}\$[\w+/]{43}$/)
  assert.ok(await verifyPassword('correct horse battery', stored))
  assert.ok(!(await verifyPassword('correct horse batterz', stored)))
})

test('a hash is what the argon2id function gives for the salt it names', async () => {
  const [, , , , salt = '', tag = ''] = (await hashPassword('x', cheap)).split('$')
  const nonce = Buffer.from(salt, 'base64')
  const parameters = { memory: 64, passes: 1, parallelism: 1, tagLength: 32 }
  const wanted = argon2Sync('argon2id', { ...parameters, message: 'x', nonce })
  assert.equal(tag, wanted.toString('base64').replaceAll('=', ''))
})

test('T27: passwords that differ anywhere, also behind byte 72, are told apart', async () => {
  const base = 'p'.repeat(128)
  const stored = await hashPassword(base, cheap)
  for (const place of [0, 71, 72, 73, 127]) {
    const other = `${base.slice(0, place)}q${base.slice(place + 1)}`
    assert.ok(!(await verifyPassword(other, stored)), `character ${place}`)
  }
  assert.ok(!(await verifyPassword('P'.repeat(128), stored)))
})

test('a password typed on another keyboard is the same when its letters are', async () => {
  const stored = await hashPassword('re\u0301sume\u0301', cheap)
  assert.ok(await verifyPassword('r\u00e9sum\u00e9', stored))
  const ligature = await hashPassword('\ufb01ne', cheap)
  assert.ok(!(await verifyPassword('fine', ligature)))
})

test('a decoy is parsed and computed like a real hash, and no password opens it', async () => {
  const decoy = decoyHash(cheap)
  assert.ok(!(await verifyPassword('', decoy)))
  assert.ok(!isWeaker(decoy, cheap))
})

test('a hash is weaker when it used less memory or fewer passes', async () => {
  const stored = await hashPassword('x', cheap)
  assert.ok(!isWeaker(stored, cheap))
  assert.ok(isWeaker(stored, { ...cheap, memoryKib: 128 }))
  assert.ok(isWeaker(stored, { ...cheap, passes: 2 }))
  assert.ok(!isWeaker(stored, { ...cheap, memoryKib: 32 }))
})

test('length is counted in code points after normalisation', () => {
  assert.equal(passwordFault('x'.repeat(15)), undefined)
  assert.match(passwordFault('x'.repeat(14))!, /at least 15/)
  assert.equal(passwordFault('🦊'.repeat(15)), undefined)
  assert.match(passwordFault('🦊'.repeat(14))!, /at least 15/)
  assert.equal(passwordFault('🦊'.repeat(128)), undefined)
  assert.match(passwordFault('🦊'.repeat(129))!, /at most 128/)
  assert.equal(passwordFault('e\u0301'.repeat(128)), undefined)
  assert.match(passwordFault('e\u0301'.repeat(14))!, /at least 15/)
})

test('T27: ten megabytes, NUL and half a surrogate pair are refused at once', () => {
  const before = process.cpuUsage()
  for (const text of ['x'.repeat(10_000_000), 'e\u0301'.repeat(5_000_000)]) {
    assert.match(typedPasswordFault(text)!, /at most 128/)
  }
  assert.ok(process.cpuUsage(before).user < 500_000)
  assert.match(passwordFault('long enough\0password')!, /NUL/)
  assert.match(passwordFault('long enough password \ud800')!, /must be text/)
  assert.match(typedPasswordFault('')!, /empty/)
})

test('passwords that are easy to guess are refused with what to change', async () => {
  const weak = [
    'aaaaaaaaaaaaaaaa',
    'passwordpassword',
    'qwertyuiopasdfgh',
    'abcdefghijklmnop',
    '1234567890123456',
    'Password12345678',
    'michaeljackson1',
    'administrator123',
    'P@ssw0rdP@ssw0rd',
    'drowssapdrowssap',
  ]
  for (const password of weak) {
    const changes = await weaknesses(password, ann)
    assert.ok(changes.length > 0, password)
    assert.ok(
      changes.every((sentence) => sentence.includes(' ')),
      changes.join(),
    )
  }
  const good = ['correct horse battery staple', 'x7Kq9$mZp2LwVt8', 'Regenschirm im Kühlschrank']
  for (const password of good) assert.deepEqual(await weaknesses(password, ann), [], password)
})

test('a password made of name, address or product is refused', async () => {
  const own = [
    'AnnLovelace12345',
    'ann.lovelace@example.com',
    'gantry-gantry-gantry!',
    'Lovelace.Example.2026',
  ]
  for (const password of own) {
    assert.match((await weaknesses(password, ann))[0]!, /your own name/, password)
  }
})

test('the most used passwords, repeated or with digits behind them, are refused', async () => {
  const { dictionary } = await import('@zxcvbn-ts/language-common')
  const top = dictionary['passwords-common'].slice(0, 100)
  const longer = top.flatMap((one) => [`${one}${one}`, one.repeat(4), `${one}1234567890`])
  const longEnough = longer.filter((text) => passwordFault(text) === undefined)
  assert.ok(longEnough.length > 150, `${longEnough.length}`)
  for (const text of longEnough) assert.notDeepEqual(await weaknesses(text, ann), [], text)
})

test('a long password is judged by its stronger end', async () => {
  const strong = 'violet tractor nine umbrellas'
  assert.deepEqual(await weaknesses('a'.repeat(90) + strong, ann), [])
  assert.deepEqual(await weaknesses(strong + 'a'.repeat(90), ann), [])
  assert.ok((await weaknesses('a'.repeat(128), ann)).length > 0)
  for (const pattern of ['abc123', '1991-12-12', 'qwertyu']) {
    assert.notDeepEqual(await weaknesses(pattern.repeat(12), ann), [], pattern)
  }
})

test('a gate lets so many run at once, in the order of coming, and refuses beyond its queue', async () => {
  const gate = new Turns({ atOnce: 2, queueLength: 50 })
  let running = 0
  let most = 0
  const finished: number[] = []
  const work = async (name: number) => {
    most = Math.max(most, ++running)
    await setImmediate()
    finished.push(name)
    running--
  }
  const runs = Array.from({ length: 500 }, (_, name) => gate.run(never, () => work(name)))
  const outcomes = await Promise.allSettled(runs)
  const refused = outcomes.filter((one) => one.status === 'rejected')
  assert.equal(most, 2)
  assert.equal(refused.length, 448)
  assert.ok(refused.every(({ reason }) => reason instanceof TurnsFull))
  assert.deepEqual(
    finished,
    Array.from({ length: 52 }, (_, name) => name),
  )
  await gate.run(never, () => work(53))
})

test('whoever gives up waiting, and work that fails, leave the gate as it was', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom('ok', 'fails', 'gives up')), async (kinds) => {
      const gate = new Turns({ atOnce: 1, queueLength: 100 })
      const outcomes = kinds.map(async (kind) => {
        const controller = new AbortController()
        const run = gate.run(controller.signal, async () => {
          await setImmediate()
          if (kind === 'fails') throw new Error('failed')
        })
        if (kind === 'gives up') controller.abort(new Error('gave up'))
        return run
      })
      await Promise.allSettled(outcomes)
      assert.equal(await gate.run(never, async () => 'free'), 'free')
    }),
    { numRuns: 30 },
  )
})
