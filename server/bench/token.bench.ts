// What it costs to know who sent a request: a signed token, and that neither it nor its sign-in has ended.
import { openTestIdentity } from '../src/identity/test-support.ts'
import { interleave, median } from './figures.ts'
import { judge, printMachine, printTable } from './table.ts'
