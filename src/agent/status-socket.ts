import { chmodSync, lstatSync, unlinkSync } from 'node:fs'
import type { Server } from 'node:http'
import { createConnection } from 'node:net'

// A static import of node:http costs 10 MB: it evaluates the getters that load fetch and WebSocket.
const { createServer } = process.getBuiltinModule('node:http')

/** sockaddr_un.sun_path less its final zero, in bytes (unix(7)). */
const LONGEST_PATH = 107

/**
 * Answers `GET /status` with `status()` as JSON on a Unix socket that only this process's user may open. A socket that a killed agent
 * left behind is replaced. Throws with a sentence where another agent answers there, or the socket can't be made.
 */
export async function serveStatus(options: {
  readonly path: string
  readonly status: () => unknown
}): Promise<{ close(): Promise<void> }> {
  const { path, status } = options
  if (Buffer.byteLength(path) > LONGEST_PATH) {
    throw new Error(
      `Cannot serve the status at ${path}: more than ${LONGEST_PATH} bytes (choose a shorter --state-dir)`,
    )
  }
  const server = createServer((request, response) => {
    const known = request.method === 'GET' && request.url === '/status'
    response.writeHead(known ? 200 : 404, { 'content-type': 'application/json' })
    response.end(`${JSON.stringify(known ? status() : { error: 'There is GET /status' })}\n`)
  })
  await listenAt(server, path)
  return { close: () => closed(server) }
}

async function listenAt(server: Server, path: string): Promise<void> {
  try {
    return await listen(server, path)
  } catch (error) {
    if (codeOf(error) !== 'EADDRINUSE' || !isSocket(path)) throw cannotServe(path, error)
  }
  if (await isAnswered(path)) {
    throw new Error(`Cannot serve the status at ${path}: another agent runs here (give each its own --instance)`)
  }
  try {
    unlinkSync(path)
    await listen(server, path)
  } catch (error) {
    throw cannotServe(path, error)
  }
}

/** The umask is there so that the socket is never open to others, not even before chmod. */
function listen(server: Server, path: string): Promise<void> {
  const before = process.umask(0o177)
  try {
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(path, () => {
        server.off('error', reject)
        chmodSync(path, 0o600)
        resolve()
      })
    })
  } finally {
    process.umask(before)
  }
}

function isSocket(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSocket() ?? false
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const connection = createConnection(path, () => {
      connection.destroy()
      resolve(true)
    })
    connection.once('error', error => resolve(codeOf(error) !== 'ECONNREFUSED'))
  })
}

function cannotServe(path: string, cause: unknown): Error {
  return new Error(`Cannot serve the status at ${path}: ${codeOf(cause)} (choose another --state-dir)`, { cause })
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}

/** Closing removes the socket. */
function closed(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
