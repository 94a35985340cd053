import { openTestKernel } from '#kernel/test-kernel.ts'
import { notifications } from './index.ts'
import { openSmtp } from './smtp.ts'

/** The jobs of mail with a mail server of the test's. */
export function mailJobs(url: string) {
  const transport = openSmtp({ url, requireTls: false })
  return notifications(() => ({
    transport,
    from: { name: 'Gantry', address: 'post@gantry.test' },
    mailbox: 'closed',
    authenticate: async () => ({ kind: 'anonymous' }),
    allows: () => false,
  })).jobs
}

// As a program: a worker that sends mails until it is killed.
if (import.meta.main) {
  const { address, masterKey, url } = JSON.parse(process.argv[2]!)
  const kernel = await openTestKernel({
    ...{ address, jobs: mailJobs(url), masterKey: Buffer.from(masterKey, 'hex') },
  })
  await kernel.work()
}
