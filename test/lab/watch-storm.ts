/*
 * What an agent sees of an API server in a storm: its VirtualIPNode changes so often a second, as no real one on one core of a small machine lets
 * it. watch-storm.ts ADDRESS PORT NODE FILE CHANGES-A-SECOND; FILE has the object's spec as JSON. Every tenth change is one of the spec.
 * Prints the port it listens at.
 */
import { readFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const [address, port, name = '', file = '', pace] = process.argv.slice(2)
/** Changes of the spec are one in so many; the others are of annotations and status. */
const SPEC_EVERY = 10
const TICK = 5

const spec = JSON.parse(readFileSync(file, 'utf8')) as object
let resourceVersion = 1000
let generation = 1
let status: object = {}
const watches = new Set<ServerResponse>()

function object(): object {
  const uid = '0f7f3a52-9d43-4c0b-b1c0-000000000000'
  return {
    apiVersion: 'kube-vrrp.io/v1alpha1',
    kind: 'VirtualIPNode',
    metadata: {
      name,
      uid,
      generation,
      resourceVersion: String(resourceVersion),
      creationTimestamp: '2026-01-01T00:00:00Z',
      annotations: { storm: String(resourceVersion) },
      managedFields: [{ manager: 'storm', operation: 'Apply', apiVersion: 'kube-vrrp.io/v1alpha1', fieldsV1: MANAGED }],
    },
    spec: { ...spec, released: generation % 2 ? [] : [RELEASED] },
    status,
  }
}

/** About as long as the API server's. */
const MANAGED = { 'f:spec': Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`f:field${i}`, { '.': {} }])) }
const RELEASED = { virtualIP: 'gone', family: 'IPv4', link: 'eth0', virtualRouterID: 250, priority: 100 }

const server = createServer(async (request, response) => {
  const url = new URL(request.url ?? '/', 'http://storm')
  let body = ''
  for await (const chunk of request) body += chunk
  const json = (answer: object) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  if (url.searchParams.get('watch') === 'true') {
    response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
    watches.add(response)
    response.on('close', () => watches.delete(response))
  } else if (request.method === 'PATCH' && url.pathname.endsWith('/status')) {
    status = (JSON.parse(body) as { status: object }).status
    json(object())
  } else if (request.method === 'GET' && url.pathname.endsWith('/virtualipnodes')) {
    json({ metadata: { resourceVersion: String(resourceVersion) }, items: [object()] })
  } else json(body === '' ? {} : JSON.parse(body))
})
server.listen(Number(port), address, () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`))

let sent = 0
const begun = performance.now()
setInterval(() => {
  const due = ((performance.now() - begun) / 1000) * Number(pace)
  while (sent < due) change()
}, TICK)

function change(): void {
  sent++
  resourceVersion++
  if (sent % SPEC_EVERY === 0) generation++
  const line = `${JSON.stringify({ type: 'MODIFIED', object: object() })}\n`
  for (const watch of watches) watch.write(line)
}
