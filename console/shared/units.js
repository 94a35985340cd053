const STEPS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** `1536` becomes `1.5 KiB`. */
export function bytes(count) {
  let [value, step] = [count, 0]
  while (value >= 1024 && step < STEPS.length - 1) {
    value /= 1024
    step++
  }
  return `${value >= 100 || step === 0 ? Math.round(value) : value.toFixed(1)} ${STEPS[step]}`
}

export function milliseconds(ms) {
  if (ms === null || ms === undefined) return '–'
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`
  return `${ms >= 10 ? Math.round(ms) : Number(ms.toFixed(1))} ms`
}

/** `1 link`, `1,200 links`. */
export function counted(count, noun) {
  return `${number(count)} ${noun}${count === 1 ? '' : 's'}`
}

export function number(count) {
  return count.toLocaleString()
}

/** `0.9975` becomes `99.75 %`. */
export function share(part) {
  return part === null ? '–' : `${Math.floor(part * 10_000) / 100} %`
}
