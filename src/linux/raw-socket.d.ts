/** What we use of the package raw-socket 1.8, which has no types. */
declare module 'raw-socket' {
  export const AddressFamily: { readonly IPv4: 1; readonly IPv6: 2 }

  /** A raw IP socket, polled by libuv. Unreferenced, it is collected and silently stops receiving. */
  export class Socket {
    /** Throws an Error whose message is the system's: `Operation not permitted`. */
    constructor(options: { readonly protocol: number; readonly addressFamily: 1 | 2; readonly bufferSize?: number })
    /** Called once a turn of the event loop for as long as something waits. */
    onRecvReady(): void
    pauseRecv(): this
    resumeRecv(): this
    close(): this
  }
}
