// Uploads a file with tus-js-client in several parts at once, which the server then
// concatenates, and retries whatever fails.
//
//     node stubborn.mjs <endpoint> <file> <parts>
//
// Prints the URL of the upload, and how often it has retried.

import { createReadStream } from 'node:fs'
import { Upload } from 'tus-js-client'

const [endpoint, file, parts] = process.argv.slice(2)
let retries = 0

// A connection may break after the last request on it has ended: nobody listens then, and
// Node.js would end the client.
process.on('uncaughtException', (error) => {
  if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') throw error
})

const url = await new Promise((resolve, reject) => {
  const upload = new Upload(createReadStream(file), {
    endpoint,
    parallelUploads: Number(parts),
    chunkSize: 6_000_000,
    retryDelays: Array(200).fill(200),
    onShouldRetry: () => {
      retries += 1
      return true
    },
    onSuccess: () => resolve(upload.url),
    onError: reject,
  })
  upload.start()
})
console.log(url)
console.log(retries)
