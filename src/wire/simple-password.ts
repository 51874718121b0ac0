/** The 8 bytes of Authentication Data for a password: its UTF-8, padded with zeros or cut, mid-character too, as keepalived does. */
export function simplePassword(text: string): Uint8Array {
  const password = new Uint8Array(8)
  password.set(new TextEncoder().encode(text).subarray(0, 8))
  return password
}
