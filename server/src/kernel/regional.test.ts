import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError, ec2Regions, loadConfig } from './config.ts'
import { valuesIn } from './regional.ts'

function faults(env: Record<string, string>): string[] {
  try {
    loadConfig(env)
    return []
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.message.split('\n').slice(1)
  }
}

const TWO = { EC2_REGIONS: 'eu-central-1, us-east-1' }
const IMAGES = { EC2_AMI: 'eu-central-1=ami-1,us-east-1=ami-2' }

test('each region has the values that are of it, in their order, and those that hold everywhere', () => {
  const config = loadConfig({
    ...{ ...TWO, ...IMAGES, EC2_LAUNCH_TEMPLATE: 'gantry-node:$Latest' },
    EC2_SUBNETS: 'us-east-1=subnet-b,eu-central-1=subnet-c,us-east-1=subnet-a',
  })
  const [usual, other] = ec2Regions(config) as [string, string]
  assert.deepEqual([usual, other], ['eu-central-1', 'us-east-1'])
  assert.deepEqual(valuesIn(other, config.EC2_AMI), ['ami-2'])
  assert.deepEqual(valuesIn(other, config.EC2_SUBNETS), ['subnet-b', 'subnet-a'])
  assert.deepEqual(valuesIn(usual, config.EC2_SUBNETS), ['subnet-c'])
  for (const region of [usual, other]) {
    assert.deepEqual(valuesIn(region, config.EC2_LAUNCH_TEMPLATE), ['gantry-node:$Latest'])
  }
})

test('with one region plain values do, and the region of the SDK is the last resort', () => {
  const plain = { EC2_AMI: 'ami-1', EC2_SUBNETS: 'subnet-a,subnet-b' }
  const config = loadConfig({ ...plain, AWS_REGION: 'eu-west-1' })
  assert.deepEqual(ec2Regions(config), ['eu-west-1'])
  assert.deepEqual(valuesIn('eu-west-1', config.EC2_SUBNETS), ['subnet-a', 'subnet-b'])
  const both = { EC2_REGION: 'eu-north-1', AWS_REGION: 'eu-west-1' }
  assert.deepEqual(ec2Regions(loadConfig({ ...plain, ...both })), ['eu-north-1'])
  assert.deepEqual(ec2Regions(loadConfig({})), [])
})

test('what does not go with the regions is refused, with what to change', () => {
  const of = (env: Record<string, string>) => faults({ ...TWO, ...env }).join('\n')
  assert.equal(of(IMAGES), '')
  assert.match(of({ EC2_AMI: 'ami-1' }), /EC2_AMI has 'ami-1': with several regions, write region/)
  assert.match(of({ EC2_LAUNCH_TEMPLATE: 'lt-1:2' }), /EC2_LAUNCH_TEMPLATE has .* write region=id/)
  assert.match(of({ EC2_AMI: 'eu-central-1=ami-1' }), /EC2_REGIONS names us-east-1/)
  const third = { EC2_AMI: `${IMAGES.EC2_AMI},eu-west-3=ami-3` }
  assert.match(of(third), /EC2_AMI has 'ami-3': its region is not among/)
  assert.match(of({ EC2_AMI: `${IMAGES.EC2_AMI},us-east-1=ami-3` }), /more than one for us-east-1/)
  assert.match(of({ ...IMAGES, EC2_SUBNETS: 'sg-1' }), /EC2_SUBNETS is 'sg-1': must be `subnet-/)
  assert.match(of({ ...IMAGES, EC2_REGION: 'us-east-1' }), /exclude each other/)
  assert.match(faults({ EC2_REGIONS: 'us-east-1,us-east-1' }).join(), /names a region twice/)
  assert.match(faults({ EC2_REGIONS: 'moon' }).join(), /must be regions such as/)
})

test('tags of every machine are read as they are written; ours and AWS’s are not among them', () => {
  const { EC2_TAGS } = loadConfig({ EC2_TAGS: 'team=search, cost center=a=b,empty=' })
  assert.deepEqual(EC2_TAGS, { team: 'search', 'cost center': 'a=b', empty: '' })
  assert.deepEqual(loadConfig({}).EC2_TAGS, {})
  for (const key of ['gantry:managed', 'Gantry:x', 'aws:x', 'Name']) {
    assert.match(faults({ EC2_TAGS: `team=x,${key}=y` }).join(), /is reserved/)
  }
  assert.match(faults({ EC2_TAGS: 'team' }).join(), /must be key=value/)
  assert.match(faults({ EC2_TAGS: 'a=1,a=2' }).join(), /names a key twice/)
  const many = Array.from({ length: 11 }, (_, index) => `k${index}=v`).join(',')
  assert.match(faults({ EC2_TAGS: many }).join(), /more than 10 tags/)
})
