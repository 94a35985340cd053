import assert from 'node:assert/strict'
import { test } from 'node:test'
import { anchorsOf, checkLinks } from './check-links.ts'
import { checkWords } from './check-words.ts'
import { temporaryTree } from './test/temporary-tree.ts'

test('links to files, folders, anchors and other sites pass', async () => {
  const root = await temporaryTree({
    'README.md': [
      '# Gantry: a *browser* cloud!',
      '[guide](docs/guide.md) [part](docs/guide.md#the-second-part "title") [top](#gantry-a-browser-cloud)',
      '[folder](docs/) ![picture](docs/a%20b.svg) [site](https://example.com/x) <a href="docs/guide.md#own">x</a>',
      '[root](/docs/guide.md#the-second-part-1) [mail](mailto:a@b.example) [ref]',
      '`[code](nowhere.md)`',
      '```md\n[fenced](nowhere.md)\n```',
      '[ref]: docs/guide.md',
    ].join('\n'),
    'docs/guide.md': '## The second part\n## The `second` part\n<a id="own"></a>\n',
    'docs/a b.svg': '',
    'node_modules/one/README.md': '[x](nowhere.md)',
  })
  assert.deepEqual(checkLinks(root), [])
})

test('a link to a missing file, a missing anchor or out of the repository is found', async () => {
  const root = await temporaryTree({
    'docs/guide.md': [
      '# Guide',
      '[a](gone.md)',
      '[b](#gone) and [c](../docs/guide.md#fenced)',
      '```\n# Fenced\n```',
      '[d](../../outside.md)',
      '<img src="gone.png">',
      '[e]: gone.md',
    ].join('\n'),
  })
  const found = checkLinks(root).map(({ line, message }) => `${line} ${message}`)
  assert.deepEqual(found.sort(), [
    '2 the link gone.md leads nowhere',
    '3 the link #gone names an anchor that is not there',
    '3 the link ../docs/guide.md#fenced names an anchor that is not there',
    '7 the link ../../outside.md leaves the repository',
    '8 the link gone.png leads nowhere',
    '9 the link gone.md leads nowhere',
  ])
})

test('anchors are made the way GitHub makes them', () => {
  const anchors = anchorsOf('# It’s `npm run check`: 5 steps\n## A & B\n## [Link](x.md) – end')
  assert.deepEqual([...anchors], ['its-npm-run-check-5-steps', 'a--b', 'link--end'])
})

test('work that is put off is found', async () => {
  const word = ['TO', 'DO'].join('')
  const root = await temporaryTree({ 'a.ts': `\n// ${word}: later`, 'b.md': 'Nothing to do.' })
  assert.deepEqual(checkWords(root), [
    { path: 'a.ts', line: 2, message: `says ${word}: do it now` },
  ])
})
