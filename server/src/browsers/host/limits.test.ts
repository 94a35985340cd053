import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type ProcessFacts, processTable } from '#kernel/processes.ts'
import { eventually } from '#kernel/test-support.ts'
import { IDENTITY, evaluate, openTestHost } from './fixture.ts'
import type { LostReason } from './host.ts'

const CLEAN = { processes: 0, directories: 0, sockets: 0 }
const MIB = 1024 ** 2
const limits = { memoryLimitBytes: 700 * MIB, diskLimitBytes: 64 * MIB }
const times = { memoryEveryMs: 100, diskEveryMs: 100 }
const { host, ...place } = await openTestHost({ limits, times })
after(() => place[Symbol.asyncDispose]())
const bystander = await host.launch('ses_bystander', IDENTITY)

test('a page that eats memory loses its browser, and nobody else does', async () => {
  const lost = nextLoss('ses_eater')
  const { endpoint } = await host.launch('ses_eater', IDENTITY)
  const eat = `(async () => {
    const eaten = []
    for (let i = 0; i < 80; i++) {
      eaten.push(new Uint8Array(${16 * MIB}).fill(1 + i))
      await new Promise((done) => setTimeout(done, 5))
    }
    await new Promise((done) => (globalThis.kept = [eaten, done]))
  })()`
  const page = evaluate(endpoint, eat).catch(() => {})

  const { reason, detail } = await lost
  assert.equal(reason, 'memory')
  assert.match(detail, /^its pages took \d+ MiB of memory; a session may take 700 MiB$/)
  assert.equal(host.get('ses_eater'), undefined)
  await page
  assert.deepEqual(await host.end('ses_eater'), CLEAN)
  assert.equal(await evaluate(bystander.endpoint, '1 + 1'), 2)
})

test('a browser whose files fill the disk is lost to that', async () => {
  const lost = nextLoss('ses_hoarder')
  const { files } = await host.launch('ses_hoarder', IDENTITY)
  await writeFile(join(files.downloads, 'hoard'), Buffer.alloc(65 * MIB, 1))

  const { reason, detail } = await lost
  assert.equal(reason, 'disk')
  assert.equal(detail, 'its pages took more than the 64 MiB of disk that a session may take')
  assert.deepEqual(await host.end('ses_hoarder'), CLEAN)
  assert.ok(host.get('ses_bystander'))
})

test('the kernel would take a browser before us, and its pages before that', async () => {
  const [ours, its] = [await scoreOf(process.pid), await scoreOf(bystander.pid)]
  assert.ok(its > ours)
  const isPage = ({ sid, cmdline }: ProcessFacts) =>
    sid === bystander.pid && cmdline.join(' ').includes('--type=renderer')
  await eventually('its pages are marked', async () => {
    const pages = processTable().filter(isPage)
    const scores = await Promise.all(pages.map(({ pid }) => scoreOf(pid)))
    return scores.length > 0 && scores.every((score) => score > its)
  })
})

function nextLoss(wanted: string): Promise<{ reason: LostReason; detail: string }> {
  return new Promise((resolve) => {
    host.onLost((sessionId, reason, detail) => {
      if (sessionId === wanted) resolve({ reason, detail })
    })
  })
}

async function scoreOf(pid: number): Promise<number> {
  return Number(await readFile(`/proc/${pid}/oom_score_adj`, 'utf8'))
}
