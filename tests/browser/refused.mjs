// Requests an upload from another origin, which refuses it for now.

export default async function (endpoint) {
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { 'Tus-Resumable': '1.0.0', 'Upload-Length': '5' },
  })
  return { status: response.status, retryAfter: response.headers.get('Retry-After') }
}
