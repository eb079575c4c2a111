// Uploads 20 MB with the retries of tus-js-client, over a connection that is cut.
//
// Returns the URL of the upload, its requests in order as `METHOD offset`, the
// status of the creation, and the protocols of the responses.

export default async function (endpoint) {
  const words = new Uint32Array(5_000_000).map((_, word) => Math.imul(word, 0x9e3779b9))
  const requests = []
  let created

  const url = await new Promise((resolve, reject) => {
    const upload = new tus.Upload(new Blob([words]), {
      endpoint,
      retryDelays: [100, 1000, 5000],
      onBeforeRequest: (request) => {
        const offset = request.getHeader('Upload-Offset')
        requests.push({ method: request.getMethod(), offset: offset ? Number(offset) : 0 })
      },
      onAfterResponse: (request, response) => {
        if (request.getMethod() === 'POST') created = response.getStatus()
      },
      onSuccess: () => resolve(upload.url),
      onError: (error) => reject(new Error(`${error}, after ${JSON.stringify(requests)}`)),
    })
    upload.start()
  })

  // A request without a response has no protocol.
  const protocols = performance
    .getEntriesByType('resource')
    .filter((entry) => entry.name.startsWith(url) && entry.nextHopProtocol)
    .map((entry) => entry.nextHopProtocol)
  return { url, requests, created, protocols }
}
