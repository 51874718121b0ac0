/*
 * Asks by ARP and by Neighbor Solicitation who has the addresses, in rounds, until its standard input ends; prints who answered where that
 * differs from the round before: watcher.ts MILLISECONDS OWN-MAC OWN-IPv4 OWN-LINK-LOCAL-IPv6 LINK-INDEX ADDRESS...
 *
 *   is TIME ADDRESS MAC,MAC    these answered the round that was asked at TIME (labTime), and each until the next such line
 *   blind FROM TO              it was not run in time to ask between these
 *   asked TIME ROUNDS ANSWERS  at the end
 */
import { pollReadable } from '../../src/linux/libc.ts'
import { labTime } from './lan.ts'
import { openQuestions } from './question-socket.ts'

/** Between two rounds; later is blind. */
const PACE_KEPT = 30
const [pace = '10', mac = '', own4 = '', own6 = '', index = '', ...addresses] = process.argv.slice(2)
const questions = openQuestions({ mac, own4, own6, linkIndex: Number(index), addresses })
const answered = new Map(addresses.map(address => [address, new Set<string>()]))
const said = new Map<string, string>()
let [askedAt, rounds, answers] = [0, 0, 0]

pollReadable(questions.descriptor, read)
setInterval(round, Number(pace))
process.stdin.resume()
process.stdin.on('end', () => {
  endRound()
  process.stdout.write(`asked ${labTime().toFixed(3)} ${rounds} ${answers}\n`, () => process.exit(0))
})

function round(): void {
  if (rounds > 0) endRound()
  const at = labTime()
  if (rounds > 0 && at - askedAt > PACE_KEPT) print('blind', askedAt, at.toFixed(3))
  askedAt = at
  rounds++
  questions.ask()
  read()
}

/** What is answered later than the next round is asked counts for that one. */
function endRound(): void {
  read()
  for (const [address, macs] of answered) {
    const now = [...macs].sort().join()
    macs.clear()
    if (said.get(address) === now) continue
    said.set(address, now)
    print('is', askedAt, `${address} ${now}`)
  }
}

function read(): void {
  questions.read(({ address, mac }) => {
    answers++
    answered.get(address)?.add(mac)
  })
}

function print(what: string, at: number, rest: string): void {
  process.stdout.write(`${what} ${at.toFixed(3)} ${rest}\n`)
}
