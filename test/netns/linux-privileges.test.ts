import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { requireLab } from '../lab/namespace.ts'

requireLab()

const WITHOUT = [
  {
    what: 'CAP_NET_RAW, a VRRP socket',
    drop: '-net_raw',
    program: `
      import { openVrrpSocket } from './src/linux/vrrp-socket.ts'
      import { ipAddress } from './src/lib/ip-address.ts'
      const link = { index: 1, name: 'lo' }
      openVrrpSocket({ family: 'IPv4', link, source: ipAddress('127.0.0.1'), onReadable() {}, onRefused() {} })`,
    sentence: 'Cannot open a VRRP socket on lo: EPERM (the agent needs CAP_NET_RAW)',
  },
  {
    what: 'CAP_NET_RAW, a frame socket',
    drop: '-net_raw',
    program: `
      import { openFrameSocket } from './src/linux/frame-socket.ts'
      openFrameSocket()`,
    sentence: 'Cannot open a packet socket: EPERM (the agent needs CAP_NET_RAW)',
  },
  {
    what: 'CAP_NET_ADMIN, an address',
    drop: '-net_admin',
    program: `
      import { openAddresses } from './src/linux/addresses.ts'
      import { parsePrefix } from './src/lib/ip-address.ts'
      const addresses = await openAddresses(200)
      const prefix = parsePrefix('10.0.0.5/32')
      const [error] = await addresses.apply([{ action: 'hold', linkIndex: 1, linkName: 'lo', prefix }])
      throw error`,
    sentence: 'Cannot add address 10.0.0.5/32 on lo: EPERM (the agent needs CAP_NET_ADMIN)',
  },
]

for (const { what, drop, program, sentence } of WITHOUT) {
  test(`without ${what} is refused with a sentence`, () => {
    const node = [process.execPath, '--input-type=module', '--eval', program]
    const { stderr, status } = spawnSync('setpriv', [`--bounding-set=${drop}`, `--inh-caps=${drop}`, ...node], {
      encoding: 'utf8',
    })
    assert.equal(/^SyscallError: .*$|^.*Error: .*$/m.exec(stderr)?.[0].replace(/^.*?Error: /, ''), sentence, stderr)
    assert.equal(status, 1)
  })
}

test('links and addresses are read without any capability', () => {
  const program = `
    import { watchLinks } from './src/linux/links.ts'
    const table = await watchLinks(() => {})
    process.stdout.write([...table.links.values()].map(({ name }) => name).join())
    table.close()`
  const node = [process.execPath, '--input-type=module', '--eval', program]
  const { stdout, stderr } = spawnSync('setpriv', ['--bounding-set=-all', '--inh-caps=-all', ...node], {
    encoding: 'utf8',
  })
  assert.match(stdout, /^lo\b/, stderr)
})

test('the clock that tells sleep counts CLOCK_BOOTTIME', () => {
  const program = `
    import { timeAsleep } from './src/linux/monotonic-clock.ts'
    process.stdout.write(String(timeAsleep()))`
  const node = [process.execPath, '--input-type=module', '--eval', program]
  const asleep = (...offset: string[]) =>
    Number(spawnSync('unshare', ['--time', '--fork', ...offset, ...node], { encoding: 'utf8' }).stdout)
  const difference = asleep('--boottime', '1000') - asleep()
  assert.ok(Math.abs(difference - 1_000_000) < 5, `${difference} ms`)
})
