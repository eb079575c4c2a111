// Creates uploads with requests without a body.
//
// Returns the status of each creation, and the protocols of the responses.

export default async function (endpoint) {
  const statuses = {}

  async function create(name, headers) {
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: { 'Tus-Resumable': '1.0.0', ...headers },
    })
    statuses[name] = response.status
    return response.headers.get('Location')
  }

  await create('of a length', { 'Upload-Length': '5' })
  await create('deferred', { 'Upload-Defer-Length': '1' })
  const part = await create('empty', { 'Upload-Length': '0', 'Upload-Concat': 'partial' })
  await create('final', { 'Upload-Concat': `final;${part}` })

  const protocols = performance
    .getEntriesByType('resource')
    .filter((entry) => entry.name === endpoint)
    .map((entry) => entry.nextHopProtocol)
  return { statuses, protocols }
}
