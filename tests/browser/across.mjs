// Uploads a megabyte to an endpoint of another origin: one part first, and the
// rest with a new client.

export default async function (endpoint) {
  const words = new Uint32Array(1 << 18).map((_, word) => Math.imul(word, 0x9e3779b9))
  const content = new Blob([words])

  /** Returns a client with only the stored URLs, and without retries. */
  function client(options) {
    return new tus.Upload(content, { endpoint, retryDelays: null, ...options })
  }

  function uploadFirstPiece() {
    return new Promise((resolve, reject) => {
      const upload = client({
        chunkSize: content.size / 2,
        onChunkComplete: () => upload.abort().then(resolve, reject),
        onError: reject,
      })
      upload.start()
    })
  }

  function resume() {
    return new Promise((resolve, reject) => {
      let offset
      const upload = client({
        onBeforeRequest: (request) => {
          offset ??= request.getHeader('Upload-Offset')
        },
        onSuccess: () => resolve({ offset, url: upload.url }),
        onError: reject,
      })
      upload
        .findPreviousUploads()
        .then(([previous]) => {
          upload.resumeFromPreviousUpload(previous)
          upload.start()
        })
        .catch(reject)
    })
  }

  try {
    await uploadFirstPiece()
    return await resume()
  } catch (error) {
    return { error: `${error}` }
  }
}
