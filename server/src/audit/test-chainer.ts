import { openTestKernel } from '#kernel/test-kernel.ts'
import { chainBatch } from './chain.ts'

// As a program: a process that links, and prints a dot for each link, until it is killed.
process.stdout.on('error', () => process.exit())
const kernel = await openTestKernel({ address: JSON.parse(process.argv[2]!) })
for (;;) {
  const links = await chainBatch(kernel.ctx)
  process.stdout.write('.'.repeat(links))
}
