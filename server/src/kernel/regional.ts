/** One entry of a list of settings, of which some exist in one region only: `value`, or `region=value`. */
export interface Regional {
  readonly region?: string
  readonly value: string
}

export function readRegional(item: string): Regional {
  const [, region, value = ''] = /^([^=]*)=(.*)$/s.exec(item) ?? []
  return region === undefined ? { value: item } : { region: region.trim(), value: value.trim() }
}

/** The values for one region, in their order. */
export function valuesIn(region: string, settings: readonly Regional[]): string[] {
  return settings
    .filter((setting) => setting.region === undefined || setting.region === region)
    .map(({ value }) => value)
}

/** What in an EC2 environment names regions, or needs one. */
interface RegionalSettings {
  readonly EC2_AMI: readonly Regional[]
  readonly EC2_LAUNCH_TEMPLATE: readonly Regional[]
  readonly EC2_SUBNETS: readonly Regional[]
  readonly EC2_SECURITY_GROUPS: readonly Regional[]
}

/** Ids belong to one region; names of launch templates may be the same in all. */
const OF_ONE_REGION = /^(ami|lt|subnet|sg)-/
const SINGLE = ['EC2_AMI', 'EC2_LAUNCH_TEMPLATE'] as const

/** What is wrong with these settings for machines in these regions, each line beginning with the name. */
export function checkRegional(settings: RegionalSettings, regions: readonly string[]): string[] {
  const wrong = Object.entries(settings).flatMap(([name, entries]) =>
    (entries as readonly Regional[]).flatMap((entry) => {
      const why = wrongIn(entry, regions)
      return why ? [`${name} has '${entry.value.slice(0, 80)}': ${why}`] : []
    }),
  )
  for (const name of SINGLE) {
    const twice = regions.find((region) => valuesIn(region, settings[name]).length > 1)
    if (twice) wrong.push(`${name} has more than one for ${twice.slice(0, 80)}: leave one`)
  }
  const images = [...settings.EC2_AMI, ...settings.EC2_LAUNCH_TEMPLATE]
  const bare = regions.find((region) => valuesIn(region, images).length === 0)
  if (wrong.length > 0 || images.length === 0 || !bare) return wrong
  return [`EC2_REGIONS names ${bare} for which EC2_AMI and EC2_LAUNCH_TEMPLATE have nothing`]
}

function wrongIn({ region, value }: Regional, regions: readonly string[]): string | undefined {
  if (region !== undefined) {
    if (regions.includes(region)) return undefined
    return `its region is not among EC2_REGIONS: ${region.slice(0, 80)}`
  }
  if (regions.length < 2 || !OF_ONE_REGION.test(value)) return undefined
  return 'with several regions, write region=id'
}
