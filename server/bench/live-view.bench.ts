// Frames per second at each viewer of one moving page: through a live view, and with a screencast of each viewer's own.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import pino from 'pino'
import { ControlLease } from '#browsers/control/lease.ts'
import { chromiumFor, openPlace } from '#browsers/host/fixture.ts'
import { commonSwitches } from '#browsers/host/switches.ts'
import { LiveView } from '#browsers/live/live-view.ts'
import { systemClock as clock } from '#kernel/clock.ts'
import { announcedEndpoint, DevTools } from './dev-tools.ts'
import { median } from './figures.ts'
import type { Watched, WatchTask } from './live-view-viewers.ts'
import { judge, printMachine, printTable } from './table.ts'

const SECONDS = 8
const ROUNDS = 3
const PAGE = `<title>moving</title><style>body{margin:0;background:linear-gradient(45deg,#fde,#def)}
  i{position:absolute;width:80px;height:80px;border-radius:40px}</style><script>
  const balls = Array.from({ length: 40 }, (_, n) => {
    const ball = document.createElement('i')
    ball.style.background = 'hsl(' + n * 9 + ' 80% 60%)'
    return ball
  })
  addEventListener('DOMContentLoaded', () => document.body.append(...balls))
  ;(function step(at) {
    balls.forEach((ball, n) => {
      ball.style.left = 600 + 560 * Math.sin(at / 60 + n) + 'px'
      ball.style.top = 300 + 280 * Math.cos(at / 45 + n * 2) + 'px'
    })
    requestAnimationFrame(() => step(at + 1))
  })(0)</script>`

interface Figures extends Watched {
  /** Of one core, in this process: what the live view costs. */
  cpuShare: number
}

await using place = await openPlace()
const profile = await mkdtemp(join(tmpdir(), 'gantry-live-'))
const browser = await launch()
const endpoint = await announcedEndpoint(browser)
await showPage()
const control = new ControlLease({ clock, onChange: () => {} })
const log = pino({ level: 'silent' })
await using live = new LiveView({ endpoint, log, clock, control, onActivity: () => {} })
const server = createServer()
server.on('upgrade', (request, socket, head) => {
  const holder = { kind: 'person', id: 'usr_bench' } as const
  live.open(request, socket, head, { holder, mayControl: false })
})
await once(server.listen(0, '127.0.0.1'), 'listening')
const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`
try {
  const rounds: Record<string, Figures[]> = {}
  for (let round = 0; round < ROUNDS; round++) {
    for (const viewers of [1, 4]) {
      for (const way of ['live view', 'own screencasts'] as const) {
        const task = { url: way === 'live view' ? url : endpoint, way, viewers, seconds: SECONDS }
        const figures = (rounds[`${way}, ${viewers}`] ??= [])
        figures.push(await watch(task))
      }
    }
  }
  report(rounds)
} finally {
  server.close()
  process.kill(-browser.pid!, 'SIGKILL')
  await once(browser, 'exit')
  await rm(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
}

/** As the product launches one, in a window whose page is 1280 by 720. */
async function launch(): Promise<ChildProcess> {
  const { path, headlessShell, environment, sandbox } = await chromiumFor(place)
  if (place.user) await chown(profile, place.user.uid, place.user.gid)
  const own = ['--window-size=1280,807', `--user-data-dir=${profile}`, 'about:blank']
  const rights = sandbox === 'works' ? [] : ['--no-sandbox']
  return spawn(path, [...commonSwitches(headlessShell), ...rights, ...own], {
    ...(place.user && { uid: place.user.uid, gid: place.user.gid }),
    detached: true,
    env: { PATH: process.env.PATH, HOME: profile, TMPDIR: profile, ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
}

async function showPage(): Promise<void> {
  const tools = await DevTools.open(endpoint)
  const { targetInfos } = await tools.send<{ targetInfos: { type: string; targetId: string }[] }>(
    'Target.getTargets',
  )
  const { targetId } = targetInfos.find(({ type }) => type === 'page')!
  const attach = { targetId, flatten: true }
  const { sessionId } = await tools.send<{ sessionId: string }>('Target.attachToTarget', attach)
  const page = `data:text/html,${encodeURIComponent(PAGE)}`
  await tools.send('Page.navigate', { url: page }, sessionId)
  tools.close()
}

/** The viewers are in a process of their own, as they would be on other machines. */
async function watch(task: WatchTask): Promise<Figures> {
  const before = process.cpuUsage()
  const begunMs = performance.now()
  const script = join(import.meta.dirname, 'live-view-viewers.ts')
  const child = spawn(process.execPath, [script], {
    env: { PATH: process.env.PATH, TASK: JSON.stringify(task) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const watched = JSON.parse(await text(child.stdout)) as Watched
  const { user, system } = process.cpuUsage(before)
  return { ...watched, cpuShare: (user + system) / 1000 / (performance.now() - begunMs) }
}

function report(rounds: Record<string, Figures[]>): void {
  const middle = (figures: Figures[], of: (each: Figures) => number) => median(figures.map(of))
  const slowest = ({ fps }: Figures) => Math.min(...fps)
  const rows = Object.entries(rounds).map(([name, figures]) => [
    name,
    middle(figures, slowest).toFixed(1),
    middle(figures, ({ firstFrameMs }) => firstFrameMs).toFixed(0),
    (middle(figures, ({ bytes }) => bytes) / 1024).toFixed(0),
    `${(middle(figures, ({ cpuShare }) => cpuShare) * 100).toFixed(0)} %`,
  ])
  const head = ['viewers', 'frames/s each', 'first frame ms', 'KiB a frame', 'our CPU']
  printTable(`One moving page of 1280 x 720, ${ROUNDS} rounds of ${SECONDS} s`, head, rows)
  const four = middle(rounds['live view, 4']!, slowest)
  judge('frames/s at the slowest of four viewers', four, '>=', 45)
  const bare = middle(rounds['own screencasts, 1']!, slowest)
  judge('of a single bare screencast', four / bare, '>=', 0.9)
  printMachine()
}
