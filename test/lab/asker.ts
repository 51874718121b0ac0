/*
 * Asks by ARP and by Neighbor Solicitation who has the addresses, every so many milliseconds, until its standard input ends; prints a line
 * for every answer, `TIME answer ADDRESS MAC`, in labTime, and for what `overheardIn` makes of other frames, `TIME …`:
 * asker.ts MILLISECONDS OWN-MAC OWN-IPv4 OWN-LINK-LOCAL-IPv6 LINK-INDEX ADDRESS...
 */
import { pollReadable } from '../../src/linux/libc.ts'
import { labTime } from './lan.ts'
import { overheardIn } from './overheard.ts'
import { openQuestions } from './question-socket.ts'

const [pace = '10', mac = '', own4 = '', own6 = '', index = '', ...addresses] = process.argv.slice(2)
const questions = openQuestions({ mac, own4, own6, linkIndex: Number(index), addresses })

pollReadable(questions.descriptor, () => {
  questions.read(
    ({ address, mac }) => print(`answer ${address} ${mac}`),
    frame => {
      const overheard = overheardIn(frame)
      if (overheard) print(overheard)
    },
  )
})
setInterval(() => questions.ask(), Number(pace))
process.stdin.resume()
process.stdin.on('end', () => process.exit(0))

function print(what: string): void {
  process.stdout.write(`${labTime().toFixed(3)} ${what}\n`)
}
