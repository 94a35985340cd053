import { replaceSigningKeys, rotateSigningKeys } from '#identity/index.ts'
import { prepareKey } from '#kernel/secrets/rotate.ts'
import { listKeys, retire } from '#secrets/index.ts'
import { withApp } from './commands.ts'

type SealingKeys = Awaited<ReturnType<typeof listKeys>>

/** Shows the sealing keys, and how much is sealed with each. */
export async function showSealingKeys(): Promise<void> {
  await withApp(async (app) => printSealingKeys(await listKeys(app.systemContext(), app.secrets)))
}

/** Adds a sealing key; with `prepareOnly` just its file, for machines that must have it before. */
export async function rotateSealingKeys(prepareOnly: boolean): Promise<void> {
  await withApp(async (app) => {
    if (prepareOnly) {
      const name = await prepareKey(app.secrets.keys)
      const where = app.secrets.keys.options.directory
      print(`${where}/${name} is ready. Copy it, with mode 600, to every machine that runs the`)
      print('roles api or worker; then run `gantry secrets rotate`.')
      return
    }
    printSealingKeys(await app.rotateSealingKeys())
    print('The key `next` seals in 15 seconds; a worker then brings every record under it.')
    print('`gantry secrets status` shows how far it has come.')
  })
}

/** Gives up a sealing key that nothing is sealed with any more. */
export async function retireSealingKey(id: string): Promise<void> {
  await withApp(async (app) => {
    printSealingKeys(await retire(app.systemContext(), app.secrets, id))
    print(`The sealing key ${id} is given up. Backups from before need it; without any, delete it.`)
  })
}

/** Publishes the next key that signs tokens, or replaces all of them at once. */
export async function rotateTokenKeys(emergency: boolean): Promise<void> {
  await withApp(async (app) => {
    const rotate = emergency ? replaceSigningKeys : rotateSigningKeys
    const keys = await rotate(app.systemContext(), app.identity.signingKeys)
    for (const { kid, algorithm, state, activatesAt } of keys) {
      const from = state === 'next' ? `, signs from ${activatesAt?.toISOString()}` : ''
      print(`${kid}  ${algorithm}  ${state}${from}`)
    }
    if (emergency) print('Every access token so far is refused from now on; clients refresh.')
  })
}

function printSealingKeys(keys: SealingKeys): void {
  for (const { id, source, status, records } of keys) {
    const sealed = Object.entries(records).map(([column, count]) => `${count} ${column}`)
    print(`${id}  ${source}  ${status}  ${sealed.join(', ') || 'nothing'}`)
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
