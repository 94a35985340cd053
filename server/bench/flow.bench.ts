// What Puppeteer does all day, in one browser: connect, new page, goto, title, screenshot, close; over Gantry and directly.
import puppeteer from 'puppeteer-core'
import { serveHtml } from '#test/page-server.ts'
import { ServerHome } from '#test/process.ts'
import { median } from './figures.ts'
import { browserOf, Product } from './product.ts'
import { judge, printMachine, printTable } from './table.ts'

const AT_ONCE = [1, 4, 8]
const ROUNDS = 5
const FLOWS = 8

await using pages = await serveHtml('<title>A shop</title><h1>Shop</h1><p>Plenty of things.</p>')
await using home = await ServerHome.make()
await using product = await Product.start(home, { WARM_BROWSERS: '0' })
const person = await product.signUp()
const { id, cdpUrl } = await person.createSession()
const { endpoint } = await browserOf(home, id)

const rows: string[][] = []
const ratios: [number, number][] = []
await flowsPerSecond(cdpUrl, 1, 2)
await flowsPerSecond(endpoint, 1, 2)
for (const atOnce of AT_ONCE) {
  const pairs: [number, number][] = []
  for (let round = 0; round < ROUNDS; round++) {
    const [first, second] = round % 2 === 0 ? [cdpUrl, endpoint] : [endpoint, cdpUrl]
    const figures = [await flowsPerSecond(first, atOnce), await flowsPerSecond(second, atOnce)]
    pairs.push((round % 2 === 0 ? figures : figures.toReversed()) as [number, number])
  }
  const ratio = median(pairs.map(([over, direct]) => over / direct))
  rows.push([
    `×${atOnce}`,
    median(pairs.map(([over]) => over)).toFixed(2),
    median(pairs.map(([, direct]) => direct)).toFixed(2),
    ratio.toFixed(2),
  ])
  ratios.push([atOnce, ratio])
}
await person.endSession(id)
printTable('Flows per second in one browser', ['at once', 'over Gantry', 'directly', 'ratio'], rows)
for (const [atOnce, ratio] of ratios) judge(`flows ×${atOnce} of direct`, ratio, '>=', 0.9)
printMachine()

async function flowsPerSecond(browserWSEndpoint: string, atOnce: number, flows = FLOWS) {
  const begunMs = performance.now()
  let left = Math.max(flows, atOnce)
  const total = left
  const work = async () => {
    while (left-- > 0) await flow(browserWSEndpoint)
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return (total * 1000) / (performance.now() - begunMs)
}

async function flow(browserWSEndpoint: string): Promise<void> {
  const browser = await puppeteer.connect({ browserWSEndpoint })
  const page = await browser.newPage()
  await page.goto(pages.url)
  if ((await page.title()) !== 'A shop') throw new Error('another page came')
  await page.screenshot()
  await page.close()
  await browser.disconnect()
}
