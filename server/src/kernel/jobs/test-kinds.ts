import { z } from 'zod'
import type { Context } from '../context.ts'
import { defineJob, type JobKind, type JobRun, type JobSummary } from '../jobs.ts'
import type { TestKernel } from '../test-kernel.ts'
import { eventually } from '../test-support.ts'

export const Input = z.object({ of: z.string() })
export type Run = JobKind<typeof Input>['run']

/** A kind of its own for each test, so that tests share no queue. */
export function kind(name: string, run: Run, rest: Partial<JobKind<typeof Input>> = {}) {
  return defineJob({ name: `test.${name}`, summary: name, input: Input, run, ...rest })
}

export const nothing: Run = async () => undefined

/** A kind whose runs wait to be told how to end. */
export function stepped(name: string, rest: Partial<JobKind<typeof Input>> = {}) {
  interface Step {
    run: JobRun
    signal: Context['signal']
    end: (error?: Error) => void
  }
  const steps: Step[] = []
  const run: Run = (ctx, _input, run) =>
    new Promise((resolve, reject) => {
      const end = (error?: Error) => (error ? reject(error) : resolve())
      steps.push({ run, signal: ctx.signal, end })
    })
  const next = (wanted: (run: JobRun) => boolean = () => true) =>
    eventually('a run', () => {
      const index = steps.findIndex((step) => wanted(step.run))
      return index >= 0 && steps.splice(index, 1)[0]
    })
  return { job: kind(name, run, rest), next }
}

/** Whether the job is in that state now. */
export async function isIn(kernel: TestKernel, id: string | null, state: JobSummary['state']) {
  return (await kernel.queue.get(id!))?.state === state
}

/** All jobs of the kind. */
export async function list(kernel: TestKernel, { name }: { name: string }): Promise<JobSummary[]> {
  return (await kernel.queue.list({ name, limit: 100 })).jobs
}

/** How many jobs of the kind are in each state. */
export async function counts(
  kernel: TestKernel,
  job: { name: string },
): Promise<Record<string, number>> {
  const all = await kernel.queue.counts()
  const own = all.filter(({ name }) => name === job.name)
  return Object.fromEntries(own.map(({ state, count }) => [state, count]))
}

/** In a minute, which no test waits for. */
export function soon(): Date {
  return new Date(Date.now() + 60_000)
}
