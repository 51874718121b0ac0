/** Whether a key of HMAC-SHA256 may have so many bytes: 32 to 64 (draft-cassen-vrrp-auth-hmac). */
export function isKeyLength(bytes: number): boolean {
  return bytes >= 32 && bytes <= 64
}
