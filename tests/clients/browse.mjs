// Opens a page in a real browser, and runs a function in it.
//
//     node browse.mjs <browser> <program> <profile> <seconds> <page> <module> <argument>
//
// The browser is `firefox` or `chrome`. The default export of the module runs in
// the page, where tus-js-client is the global `tus`. Prints its result as JSON.
// A browser that takes longer than the time given is killed.

import { readFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { launch } from 'puppeteer-core'

const [browser, program, profile, seconds, url, module, argument] = process.argv.slice(2)

const FLAGS = {
  chrome: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--disable-sync',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
  ],
  firefox: [],
}

const timeout = seconds * 1000
let step = 'starting'

// Exiting kills the browser with all its processes.
setTimeout(() => {
  console.error(`${program} takes more than ${seconds} s while ${step}`)
  process.exit(1)
}, timeout)

const instance = await launch({
  browser,
  executablePath: program,
  userDataDir: profile,
  headless: true,
  acceptInsecureCerts: true,
  args: FLAGS[browser],
  env: { ...process.env, TMPDIR: profile },
  timeout,
  protocolTimeout: timeout,
})

step = `opening ${url}`
const page = await instance.newPage()
page.on('pageerror', (error) => console.error(error))
await page.goto(url)
const client = new URL('node_modules/tus-js-client/dist/tus.min.js', import.meta.url)
await page.evaluate(await readFile(client, 'utf8'))

step = `running ${module}`
const { default: run } = await import(pathToFileURL(module))
console.log(JSON.stringify(await page.evaluate(run, argument)))
process.exit(0)
