import { problems } from './problems.ts'
import type { Provider } from './providers/provider.ts'

/** Where a machine is launched for which this region was asked; null where there are none. @throws problem `fleet.unknown_region` */
export function regionOf(
  { name, regions = [] }: Provider,
  asked: string | undefined,
): string | null {
  if (asked === undefined) return regions[0] ?? null
  if (regions.includes(asked)) return asked
  const configured = regions.length > 0 ? regions.join(', ') : 'none'
  throw problems.unknownRegion({ provider: name, region: asked, configured })
}
