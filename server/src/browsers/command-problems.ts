import { problems } from './problems.ts'

/** The refusals of every command. */
export const commandProblems = [
  problems.notFound,
  problems.closed,
  problems.notReady,
  problems.controlled,
  problems.tunnelsPrivate,
  problems.unreachable,
  problems.crashed,
  problems.busy,
  problems.timeout,
  problems.dialogOpen,
  problems.pageClosed,
  problems.pageCrashed,
  problems.commandRefused,
]

/** Those of every command that looks for an element. */
export const elementProblems = [
  problems.selectorInvalid,
  problems.selectorNotFound,
  problems.notActionable,
]
