import { createHash, randomInt } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { configurationFolder } from '../credentials.ts'

const HOW = (
  'amber bold brave bright brisk calm clever cosy crisp daring eager early fair fleet fond fresh gentle ' +
  'glad golden happy hazel humble jolly keen kind lively lucky mellow merry mild misty neat noble plain ' +
  'plucky proud quick quiet rapid ready rosy royal rustic sharp shy silent silver sleek smart snug soft ' +
  'spry steady still sunny swift tidy tiny trusty vivid warm wise witty young'
).split(' ')
const WHO = (
  'ant badger bat bear beaver bee bison boar camel cat crab crane crow deer dog dove duck eagle elk falcon ' +
  'finch fox frog gecko goat goose hare hawk heron horse ibex jay koala lark lemur lion llama lynx mole moose ' +
  'moth mouse newt otter owl panda pony puffin quail rabbit raven robin seal shark sheep sloth snail stork ' +
  'swan tiger toad trout turtle viper'
).split(' ')

/** The name of a tunnel for a service of this machine: the same each time, until it is forgotten. */
export class RememberedName {
  readonly #file: string
  readonly #port: number

  constructor(url: string, target: { url: string; port: number }) {
    const key = createHash('sha256').update(`${url} ${target.url}`).digest('hex').slice(0, 24)
    this.#file = join(configurationFolder(), 'tunnel-names', key)
    this.#port = target.port
  }

  async get(): Promise<string> {
    const known = await this.#read()
    if (known) return known
    const made = `${pick(HOW)}-${pick(WHO)}-${this.#port}`
    await mkdir(join(this.#file, '..'), { recursive: true, mode: 0o700 })
    // Of two commands at once, the first has chosen.
    await writeFile(this.#file, made, { flag: 'wx' }).catch(() => {})
    return (await this.#read()) || made
  }

  async forget(): Promise<void> {
    await rm(this.#file, { force: true })
  }

  async #read(): Promise<string> {
    const text = await readFile(this.#file, 'utf8').catch(() => '')
    return /^[a-z0-9-]{3,63}$/.test(text) ? text : ''
  }
}

function pick(words: readonly string[]): string {
  return words[randomInt(words.length)]!
}
