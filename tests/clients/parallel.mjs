// Uploads a file with tus-js-client in several parts at once, which the server
// then concatenates.
//
//     node parallel.mjs <endpoint> <file> <parts>
//
// Prints the URL of the upload.

import { createReadStream } from 'node:fs'
import { Upload } from 'tus-js-client'

const [endpoint, file, parts] = process.argv.slice(2)

const url = await new Promise((resolve, reject) => {
  const upload = new Upload(createReadStream(file), {
    endpoint,
    parallelUploads: Number(parts),
    retryDelays: null,
    onSuccess: () => resolve(upload.url),
    onError: reject,
  })
  upload.start()
})
console.log(url)
