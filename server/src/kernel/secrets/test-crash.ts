// Seals anew, for a test that kills this process in the middle: tells of each batch, and goes no further than the second one.
import { makeSealingKeys } from './test-support.ts'
import { resealColumn } from './reseal.ts'

const task = JSON.parse(process.env.TASK!) as Parameters<typeof makeSealingKeys>[0]
const { kernel, keys, column } = await makeSealingKeys(task)
let batches = 0
setInterval(() => {}, 60_000)
await resealColumn(kernel.ctx, keys, column, async (resealed) => {
  await new Promise<void>((done) => process.stdout.write(`${resealed}\n`, () => done()))
  if (++batches === 2) await new Promise(() => {})
})
