import { z } from 'zod'
import { Reply, route } from '#kernel/http/route.ts'
import { downloadExample, ID, recordingExample } from './examples.ts'
import { callSession, holderOf, onNode } from './locate.ts'
import { problems } from './problems.ts'
import { describeRecording, exportRecording } from './recordings.ts'
import type { BrowserRuntime } from './runtime.ts'
import { SessionId } from './schema.ts'
import type { DownloadFacts } from './watch/guard.ts'
import { downloadProblems } from './watch/problems.ts'

const params = z.object({ id: SessionId })

const Download = z
  .object({
    id: z.string(),
    url: z.string(),
    suggestedName: z.string(),
    bytes: z.int(),
    status: z.enum(['inProgress', 'completed', 'cancelled', 'refused']),
    reason: z.string().optional().meta({ description: 'Why it was refused' }),
    startedAt: z.iso.datetime(),
  })
  .meta({ id: 'Download', description: 'A file that a page has downloaded' })

const Downloads = z
  .object({ items: z.array(Download), nextCursor: z.null() })
  .meta({ id: 'Downloads', description: 'The newest 100 of the session, oldest first' })

const RecordingManifest = z
  .looseObject({
    format: z.literal('gantry-recording'),
    version: z.int(),
    startedAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    complete: z.boolean().meta({ description: 'False while it goes on' }),
    endedBy: z.enum(['asked', 'limit', 'sink', 'interrupted']).optional(),
    gaps: z
      .array(z.object({ fromMs: z.int(), toMs: z.int() }))
      .optional()
      .meta({
        description:
          'Not recorded: its node process was dead meanwhile, or its store away for long',
      }),
    parts: z.array(
      z.looseObject({
        name: z.string(),
        kind: z.enum(['frames', 'timeline']),
        bytes: z.int(),
        url: z.string().meta({ description: 'Where it can be fetched for an hour' }),
      }),
    ),
  })
  .meta({ id: 'RecordingManifest' })

const recorded = [
  problems.notFound,
  problems.notRecorded,
  problems.notRecordedYet,
  problems.recordingUnreadable,
]

/** What is left of a session's work: its downloads, and its recording in several forms. */
export function evidenceRoutes(runtime: () => BrowserRuntime) {
  const exported = (
    kind: 'har' | 'console' | 'trace',
    summary: string,
    type: string,
    description: string,
  ) =>
    route({
      method: 'GET',
      path: `/v1/sessions/:id/${kind}`,
      ...{ summary, description },
      access: 'sessions.read',
      params,
      alsoReturns: [type],
      streams: true,
      problems: recorded,
      examples: { params: { id: ID } },
      handler: async (ctx, { params }) => {
        const { store } = runtime()
        const { content, contentType, name } = await exportRecording(ctx, store, params.id, kind)
        return Reply.content(content, contentType, {
          'content-disposition': `attachment; filename="${name}"`,
        })
      },
    })
  return [
    route({
      method: 'GET',
      path: '/v1/sessions/:id/downloads',
      summary: 'List what the pages of a session have downloaded',
      access: 'sessions.read',
      params,
      returns: Downloads,
      problems: [problems.notFound, problems.closed, problems.notReady, problems.crashed],
      examples: {
        params: { id: ID },
        reply: { items: [downloadExample], nextCursor: null },
      },
      handler: async (ctx, { params }) => {
        const options = { holder: holderOf(ctx.actor), signal: ctx.signal }
        const items = await callSession(ctx, runtime(), params.id, 'downloads', {}, options)
        return { items: items as DownloadFacts[], nextCursor: null }
      },
    }),
    route({
      method: 'GET',
      path: '/v1/sessions/:id/downloads/:downloadId',
      summary: 'Fetch a downloaded file',
      access: 'sessions.read',
      params: params.extend({ downloadId: z.string().regex(/^[\w-]{1,64}$/) }),
      alsoReturns: ['application/octet-stream'],
      streams: true,
      problems: [
        problems.notFound,
        problems.closed,
        problems.notReady,
        problems.crashed,
        downloadProblems.downloadNotFound,
        downloadProblems.downloadNotReady,
      ],
      examples: { params: { id: ID, downloadId: downloadExample.id } },
      handler: async (ctx, { params }) => {
        const { id, downloadId } = params
        const file = await onNode(ctx, runtime(), id, (node) => node.openDownload(id, downloadId))
        const plain = file.name.replaceAll(/[^\x20-\x7e]|["\\]/g, '_')
        const name = encodeURIComponent(file.name)
        return Reply.content(file.content, 'application/octet-stream', {
          'content-length': String(file.bytes),
          'content-disposition': `attachment; filename="${plain}"; filename*=UTF-8''${name}`,
        })
      },
    }),
    route({
      method: 'GET',
      path: '/v1/sessions/:id/recording',
      summary: 'Show the recording of a session, part by part',
      access: 'sessions.read',
      params,
      returns: RecordingManifest,
      problems: recorded,
      examples: { params: { id: ID }, reply: recordingExample },
      handler: (ctx, { params }) => describeRecording(ctx, runtime().store, params.id),
    }),
    exported(
      'har',
      'Fetch the requests of a recorded session as a HAR 1.2',
      'application/json',
      'Needs a recording with `network`. Cookies and authorization are masked.',
    ),
    exported(
      'console',
      'Fetch what the pages of a recorded session wrote to the console',
      'text/plain',
      'One line for each message.',
    ),
    exported(
      'trace',
      'Fetch a recorded session as a trace for Playwright’s trace viewer',
      'application/zip',
      'Open it with `npx playwright show-trace`, or at trace.playwright.dev.',
    ),
  ]
}
