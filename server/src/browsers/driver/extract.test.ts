import assert from 'node:assert/strict'
import { test } from 'node:test'
import { driverOf, givenTime, refusal, startBrowser, TestSite } from './test-browser.ts'

const [browser, site] = await Promise.all([startBrowser(), TestSite.start()])
const driver = driverOf(browser)

const open = (body: string) => driver.navigate({ url: site.page(`<!doctype html>${body}`) })

const SHOP = `<title>Shop</title><h1> The
  shop </h1><a id=home href="/home">Home</a><input name=q value=shoes>
  <ul><li class=item data-id=1><b>Shoe</b><a href="one">See</a><i>new</i><i>red</i></li>
  <li class=item data-id=2><b>Hat</b></li></ul>`

test('a schema of selectors comes back as an object of what they match', async () => {
  const { url } = await open(SHOP)
  const { data, ...rest } = await driver.extract({
    schema: {
      title: 'h1',
      home: { selector: '#home', attribute: 'href' },
      query: { selector: 'input', attribute: 'value' },
      items: {
        ...{ selector: '.item', all: true },
        fields: {
          id: { attribute: 'data-id' },
          name: 'b',
          link: { selector: 'a', attribute: 'href' },
          tags: { selector: 'i', all: true },
        },
      },
      none: '.absent',
      nobody: { selector: '.absent', all: true },
      page: { fields: { inner: 'b' } },
    },
  })
  assert.deepEqual(rest, { url })
  assert.deepEqual(data, {
    title: 'The shop',
    home: new URL('/home', url).href,
    query: 'shoes',
    items: [
      { id: '1', name: 'Shoe', link: new URL('one', url).href, tags: ['new', 'red'] },
      { id: '2', name: 'Hat', link: null, tags: [] },
    ],
    none: null,
    nobody: [],
    page: { inner: 'Shoe' },
  })
})

test('a page cannot disturb what is read by replacing what scripts use', async () => {
  await open(`<h1>True</h1><script>
    Array.from = () => ['false']; JSON.stringify = () => '"false"'
    Document.prototype.querySelector = () => null; Element.prototype.cloneNode = () => null
    customElements.define('x-trap', class extends HTMLElement { constructor() { super(); globalThis.made = (globalThis.made ?? 0) + 1 } })
  </script><x-trap></x-trap>`)
  assert.deepEqual((await driver.extract({ schema: { h: 'h1' } })).data, { h: 'True' })
  assert.equal((await driver.extract({ format: 'markdown' })).content, '# True')
  assert.equal((await driver.execute({ script: 'made' })).result, 1)
})

test('a page is given as Markdown, without what nobody reads', async () => {
  const { url } = await open(`<h1>One</h1><p>Some <b>bold</b> <a href="/there">link</a>
    <script>bad()</script><style>p { color: red }</style><span hidden>hidden</span></p>
    <ul><li>First<li>Second</ul><img src="p.png" alt="Picture">
    <table><tr><th>Name<th>Price<tr><td>Hat | cap<td><b>5</b></table><pre><code>let x</code></pre>`)
  const there = new URL('/there', url).href
  const picture = new URL('/p.png', url).href
  assert.equal(
    (await driver.extract({ format: 'markdown' })).content,
    [
      ...['# One', `Some **bold** [link](${there})`, '-   First\n-   Second'],
      ...[`![Picture](${picture})`, '| Name | Price |\n| --- | --- |\n| Hat \\| cap | **5** |'],
      '```\nlet x\n```',
    ].join('\n\n'),
  )
})

test('a page or its part is given as text or as HTML', async () => {
  await open('<p id=a>One <b>two</b></p><p hidden>three</p>')
  const text = await driver.extract({ format: 'text' })
  assert.equal(text.content?.trim(), 'One two')
  const html = await driver.extract({ format: 'html' })
  assert.match(html.content!, /^<!DOCTYPE html>\n<html><head><\/head><body><p id="a">/)
  const part = await driver.extract({ format: 'html', selector: '#a' })
  assert.equal(part.content, '<p id="a">One <b>two</b></p>')
  assert.equal((await driver.extract({ selector: '#a' })).content, 'One **two**')
})

test('an element that comes later is waited for', async () => {
  await open(`<body><script>setTimeout(() => { document.body.append('x', Object.assign(
    document.createElement('p'), { textContent: 'Late' })) }, 300)</script>`)
  const late = await driver.extract({ format: 'text', selector: 'p', timeoutMs: 60_000 })
  assert.equal(late.content, 'Late')
})

test('an extraction that cannot be done says why', async () => {
  await open('<p>One</p>')
  const wrong = driver.extract({ schema: { a: { fields: { b: 'p[[' } } } })
  const invalid = await refusal(wrong, 'browser.selector_invalid')
  assert.match(
    invalid.message,
    /The selector p\[\[ is not valid: 'p\[\[' is not a valid selector\./,
  )
  await refusal(driver.extract({ format: 'text', selector: '#[' }), 'browser.selector_invalid')
  await givenTime(300, (timeoutMs) => {
    const absent = driver.extract({ format: 'text', selector: '#absent', timeoutMs })
    return refusal(absent, 'browser.selector_not_found')
  })
})

test('more than eight million characters are refused, in each form', async () => {
  await open(`<p></p><script>
    document.querySelector('p').textContent = 'x'.repeat(9 * 1024 * 1024)</script>`)
  await refusal(driver.extract({ schema: { p: 'p' } }), 'browser.result_too_large')
  await refusal(driver.extract({ format: 'html' }), 'browser.result_too_large')
})

test('an extraction that takes too long is ended in the page, and by the caller’s signal', async () => {
  await open(`<body><script>
    document.body.innerHTML = '<ul><li><b>_x_</b> <a href=y>z</a></ul>'.repeat(20_000)</script>`)
  await givenTime(200, async (timeoutMs) => {
    const problem = await refusal(driver.extract({ timeoutMs }), 'browser.timeout')
    assert.match(problem.message, /the document to be read/)
  })
  assert.equal((await driver.execute({ script: '1' })).result, 1)
  const reason = new Error('the client went away')
  await assert.rejects(driver.extract({ format: 'text' }, AbortSignal.abort(reason)), reason)
})
