// Seals anew, for a test that kills this process in the middle: tells of each batch, and waits until it is read.
import { makeSealingKeys } from './test-support.ts'
import { resealColumn } from './reseal.ts'

const task = JSON.parse(process.env.TASK!) as Parameters<typeof makeSealingKeys>[0]
const { kernel, keys, column } = await makeSealingKeys(task)
await resealColumn(kernel.ctx, keys, column, async (resealed) => {
  await new Promise<void>((done) => process.stdout.write(`${resealed}\n`, () => done()))
})
process.stdout.write('end\n')
