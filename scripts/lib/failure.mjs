/** Something that a person has to mend; its message is all that they need to see. */
export class Failure extends Error {}

/** Runs the main function of a command, whose result is the exit status. */
export async function runMain(main) {
  try {
    process.exitCode = await main()
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    console.error(error.message)
    process.exitCode = 1
  }
}
