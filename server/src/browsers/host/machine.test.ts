import assert from 'node:assert/strict'
import { totalmem } from 'node:os'
import { test } from 'node:test'
import { Admission } from './admission.ts'
import { freeDiskOf, readMachine } from './machine.ts'

const MIB = 1024 ** 2

test('the machine tells its memory, its load and its cores', () => {
  const { memoryAvailableBytes, load, cores } = readMachine()
  assert.ok(memoryAvailableBytes > 0 && memoryAvailableBytes <= totalmem())
  assert.ok(load >= 0 && cores >= 1)
})

test('a browser needs what it takes, what those that are starting will take, and the reserve', () => {
  let memoryAvailableBytes = 500 * MIB
  const probe = () => ({ memoryAvailableBytes, load: 0, cores: 1 })
  const admission = new Admission({ browserBytes: 100 * MIB, reserveBytes: 200 * MIB, probe })
  assert.deepEqual([admission.refusal(2), admission.room(0)], [undefined, 3])
  assert.deepEqual([admission.refusal(3), admission.room(3)], ['memory', 0])
  memoryAvailableBytes = 299 * MIB
  assert.deepEqual([admission.refusal(0), admission.room(0)], ['memory', 0])
})

test('a session needs room on the disk to begin with, beside those that are starting and the reserve', () => {
  let freeBytes = 400 * MIB
  const probe = () => ({ memoryAvailableBytes: 8192 * MIB, load: 0, cores: 1 })
  const [diskBytes, diskReserveBytes] = [100 * MIB, 200 * MIB]
  const admission = new Admission({
    diskBytes,
    diskReserveBytes,
    probe,
    probeDisk: () => freeBytes,
  })
  assert.deepEqual([admission.refusal(1), admission.room(0)], [undefined, 2])
  assert.deepEqual([admission.refusal(2), admission.room(2)], ['disk', 0])
  freeBytes = 299 * MIB
  assert.deepEqual([admission.refusal(0), admission.room(0)], ['disk', 0])
  assert.equal(admission.isDiskFull(0), true)
})

test('what is free on a disk is what a program may write; of a directory that is not there nothing is known', () => {
  const freeBytes = freeDiskOf(import.meta.dirname)
  assert.ok(freeBytes > 0 && freeBytes < Infinity)
  assert.equal(freeDiskOf('/no/such/directory'), Infinity)
})

test('the load is judged for each core', () => {
  let load = 8
  const probe = () => ({ memoryAvailableBytes: 8192 * MIB, load, cores: 4 })
  const admission = new Admission({ maxLoadPerCore: 2, probe })
  assert.equal(admission.refusal(0), undefined)
  load = 8.1
  assert.deepEqual([admission.refusal(0), admission.room(0)], ['cpu', 0])
})
