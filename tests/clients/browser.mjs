// Uploads with tus-js-client in a real browser, whose connection is cut in the
// middle of the only PATCH, and which then goes on by itself.
//
//     node browser.mjs <firefox|chrome> <executable> <endpoint> <bytes> <tus.min.js>
//
// Prints `over <protocol>`, `resumed from <offset>`, and the URL of the upload as the
// last line. The page is the server's own greeting, so that the browser tells it
// which protocol it speaks.

import { launch } from 'puppeteer-core'

const [browser, executablePath, endpoint, size, script] = process.argv.slice(2)

/** Runs in the page. The bytes are those that the test knows. */
async function upload(endpoint, size) {
  const words = new Uint32Array(size / 4)
  for (let word = 0; word < words.length; word++) words[word] = Math.imul(word, 0x9e3779b9)
  const offsets = []
  const url = await new Promise((resolve, reject) => {
    const upload = new tus.Upload(new Blob([words]), {
      endpoint,
      retryDelays: [100, 500, 1000, 3000],
      onBeforeRequest: (request) => {
        if (request.getMethod() === 'PATCH') offsets.push(request.getHeader('Upload-Offset'))
      },
      onSuccess: () => resolve(upload.url),
      onError: reject,
    })
    upload.start()
  })
  const entries = performance.getEntriesByType('resource')
  const protocols = new Set(entries.map((entry) => entry.nextHopProtocol).filter(Boolean))
  return [`over ${[...protocols]}`, `resumed from ${offsets.at(-1)}`, url].join('\n')
}

const instance = await launch({
  browser,
  executablePath,
  headless: true,
  acceptInsecureCerts: true,
  args: browser === 'chrome' ? ['--no-sandbox', '--disable-gpu', '--disable-quic'] : [],
})
try {
  const page = await instance.newPage()
  await page.goto(new URL('/', endpoint).href)
  await page.addScriptTag({ path: script })
  console.log(await page.evaluate(upload, endpoint, Number(size)))
} finally {
  await instance.close()
}
