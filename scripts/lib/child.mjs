import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { isatty } from 'node:tty'
import { Failure } from './failure.mjs'

const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP']
const GRACE_MS = 15_000

/**
 * Runs a program in our place: on our terminal, with each signal that we get passed on to it. Resolves with how it ended,
 * `{ code, signal }`. A Ctrl-C is not passed on, since the terminal itself sends it to the program.
 */
export function runInPlace(command, args, options = {}) {
  const child = spawn(command, args, { stdio: 'inherit', ...options })
  return ending(child, (signal) => {
    if (signal !== 'SIGINT' || !isatty(0)) child.kill(signal)
  })
}

/**
 * Runs a program with all its children as one group, which gets every signal that we get. When `deadlineMs` has passed the
 * group is interrupted, and killed 15 s later. Resolves with `{ code, signal, late }`.
 */
export async function runAsGroup(command, args, { deadlineMs, ...options }) {
  const stdio = ['ignore', 'inherit', 'inherit']
  const child = spawn(command, args, { stdio, ...options, detached: true })
  const send = (signal) => sendToGroup(child.pid, signal)
  let late = false
  const interrupt = setTimeout(() => ((late = true), send('SIGINT')), deadlineMs)
  const kill = setTimeout(() => send('SIGKILL'), deadlineMs + GRACE_MS)
  try {
    const end = await ending(child, send)
    if (late) send('SIGKILL')
    return { ...end, late }
  } finally {
    clearTimeout(interrupt)
    clearTimeout(kill)
  }
}

/** The exit status by which a shell would tell how a program ended. */
export function statusOf({ code, signal }) {
  return code ?? 128 + constants.signals[signal]
}

/** Calls back on every signal that asks to stop, until the function that it returns is called. */
export function onStopSignal(callback) {
  for (const signal of STOP_SIGNALS) process.on(signal, callback)
  return () => {
    for (const signal of STOP_SIGNALS) process.off(signal, callback)
  }
}

async function ending(child, passOn) {
  const forget = onStopSignal(passOn)
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', ({ message }) =>
        reject(new Failure(`${child.spawnfile} cannot run: ${message}`)),
      )
      child.on('exit', (code, signal) => resolve({ code, signal }))
    })
  } finally {
    forget()
  }
}

function sendToGroup(pid, signal) {
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if (error.code !== 'ESRCH') throw error
  }
}
