/* Prints a line for every advert that is heard on eth0, `TIME SOURCE VRID PRIORITY`: listener.ts OWN-ADDRESS LINK-INDEX */
import { ipAddress } from '../../src/lib/ip-address.ts'
import { openVrrpSocket } from '../../src/linux/vrrp-socket.ts'
import { labTime } from '../lab/lan.ts'

const [address = '', index] = process.argv.slice(2)
const socket = openVrrpSocket({
  family: 'IPv4',
  link: { index: Number(index), name: 'eth0' },
  source: ipAddress(address),
  onRefused: () => {},
  onReadable: () => {
    const at = labTime()
    socket.drain(({ payload: [, virtualRouterID, priority], source }) => {
      process.stdout.write(`${at} ${source.text} ${virtualRouterID} ${priority}\n`)
    })
  },
})
