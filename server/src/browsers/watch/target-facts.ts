/** What Chromium tells of a page, among more. */
export interface TargetFacts {
  targetId: string
  url: string
  title: string
  browserContextId?: string
  openerId?: string
  /** Of a page that is not one to see, such as one prerendered. */
  subtype?: string
}
