// Uploads a file with tus-js-client, resets the connection within the only PATCH,
// and resumes the upload with a new client.
//
//     node upload.mjs <endpoint> <file> <interrupt-after-bytes>
//
// Prints `resumed from <offset>`, and the URL of the upload as the last line.

import { createReadStream } from 'node:fs'
import { Agent } from 'node:http'
import { basename } from 'node:path'
import { DefaultHttpStack, FileUrlStorage, Upload } from 'tus-js-client'

const [endpoint, file, interruptAfter] = process.argv.slice(2)

/** Resets each connection that has carried `limit` bytes. */
class ResettingAgent extends Agent {
  constructor(limit) {
    super()
    this.limit = limit
  }

  createConnection(...args) {
    const socket = super.createConnection(...args)
    return socket.on('drain', () => {
      if (socket.bytesWritten >= this.limit) socket.resetAndDestroy()
    })
  }
}

/** Returns a client with only the stored URLs, and without retries. */
function client(options) {
  return new Upload(createReadStream(file), {
    endpoint,
    metadata: { filename: basename(file) },
    urlStorage: new FileUrlStorage(`${file}.urls`),
    retryDelays: null,
    ...options,
  })
}

function uploadUntilReset() {
  return new Promise((resolve, reject) => {
    const agent = new ResettingAgent(Number(interruptAfter))
    client({
      httpStack: new DefaultHttpStack({ agent }),
      onSuccess: () => reject(new Error('the upload is complete, nothing has interrupted it')),
      onError: (error) => {
        // With a response, the failure would be the server's and not the network's.
        const lost = error.originalRequest?.getMethod() === 'PATCH' && !error.originalResponse
        if (lost) resolve()
        else reject(error)
      },
    }).start()
  })
}

function resume() {
  return new Promise((resolve, reject) => {
    let offset
    const upload = client({
      onBeforeRequest: (request) => {
        if (request.getMethod() === 'POST') throw new Error('it does not resume, it starts anew')
        offset ??= request.getHeader('Upload-Offset')
      },
      onSuccess: () => resolve({ offset, url: upload.url }),
      onError: reject,
    })
    upload
      .findPreviousUploads()
      .then(([previous]) => {
        if (!previous) throw new Error('the URL of the upload was not stored')
        upload.resumeFromPreviousUpload(previous)
        upload.start()
      })
      .catch(reject)
  })
}

await uploadUntilReset()
const { offset, url } = await resume()
console.log(`resumed from ${offset}`)
console.log(url)
