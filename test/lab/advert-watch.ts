/*
 * Notes when an IPv4 address is advertised (VRRP), by whomever, until its standard input ends; then prints the times as JSON, in labTime:
 * advert-watch.ts LINK ADDRESS
 */
import { readFileSync } from 'node:fs'
import { ipAddress } from '../../src/lib/ip-address.ts'
import { readStamped } from './stamped-frames.ts'

const [link = '', address = ''] = process.argv.slice(2)
const wanted = ipAddress(address).bytes.join()
const times: number[] = []
const [ETH_P_IP, VRRP] = [0x0800, 112]

readStamped(Number(readFileSync(`/sys/class/net/${link}/ifindex`, 'utf8')), ETH_P_IP, (frame, at) => {
  const ip = frame.subarray(14)
  const vrrp = ip.subarray(((ip[0] ?? 0) & 0x0f) * 4)
  if (ip[9] !== VRRP) return
  const listed = Array.from({ length: vrrp[3] ?? 0 }, (_, i) => vrrp.subarray(8 + 4 * i, 12 + 4 * i).join())
  if (listed.includes(wanted)) times.push(at)
})
process.stdin.resume()
process.stdin.on('end', () => process.stdout.write(JSON.stringify(times), () => process.exit(0)))
process.stdout.write('watching\n')
