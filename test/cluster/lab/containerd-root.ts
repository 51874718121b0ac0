import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CACHE, cached } from './cache.ts'
import { runCommand } from './command.ts'
import { type ImageArchive, PAUSE_IMAGE } from './images.ts'
import { lock } from './lock.ts'
import { say, step } from './step.ts'

/** With state in /run and its root in /var/lib. */
export const CONTAINERD_SETTINGS = `version = 2
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
]
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  # Without CAP_SYS_RESOURCE, as in some containers, no pod would start.
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "/etc/cni/net.d"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false
`

const TEMPLATE = join(CACHE, 'containerd')
const TEMPLATE_LOCK = join(CACHE, 'containerd.lock')
const CONTENTS = join(TEMPLATE, 'images.json')

/** Sees to it that there is a containerd's root with these images unpacked, which nodes are given copies of. */
export async function ensureContainerdRoot(images: readonly ImageArchive[]): Promise<void> {
  const held = await lock(TEMPLATE_LOCK, { onWait: () => say('Another process unpacks images: waiting for it …') })
  try {
    const there = contents()
    const missing = images.filter(({ id, name }) => !there.some(image => image.id === id && image.name === name))
    if (missing.length === 0 && there.length === images.length) return
    mkdirSync(TEMPLATE, { recursive: true })
    await withContainerd(async ctr => {
      for (const image of missing) {
        await step(`unpacked ${image.name}`, () => ctr('images', 'import', image.file))
        for (const tag of image.tags) await ctr('images', 'tag', '--force', image.name, tag)
      }
      const wanted = images.flatMap(({ name, tags }) => [name, ...tags])
      const stale = (await ctr('images', 'list', '--quiet')).split('\n').filter(name => name && !wanted.includes(name))
      if (stale.length > 0) await ctr('images', 'remove', '--sync', ...stale)
    })
    writeFileSync(CONTENTS, JSON.stringify(images))
  } finally {
    held.release()
  }
}

/** A node's own, which takes no room for images: containerd never changes what it has unpacked, so those files are shared by hard links. */
export async function copyContainerdRoot(to: string): Promise<void> {
  const held = await lock(TEMPLATE_LOCK, { shared: true })
  try {
    mkdirSync(to, { recursive: true })
    await runCommand('cp', ['-al', `${join(TEMPLATE, 'root')}/.`, to])
    const unshare = 'find "$1" -name "*.db" -exec cp {} {}.own \\; -exec mv {}.own {} \\;'
    await runCommand('sh', ['-c', unshare, 'sh', to])
  } finally {
    held.release()
  }
}

function contents(): readonly ImageArchive[] {
  return existsSync(CONTENTS) ? (JSON.parse(readFileSync(CONTENTS, 'utf8')) as ImageArchive[]) : []
}

async function withContainerd(work: (ctr: (...args: string[]) => Promise<string>) => Promise<void>): Promise<void> {
  const state = mkdtempSync('/run/containerd-')
  const address = join(state, 'containerd.sock')
  const config = join(state, 'containerd.toml')
  writeFileSync(config, CONTAINERD_SETTINGS)
  const log = openSync(cached('containerd.log'), 'w')
  const args = ['--config', config, '--root', join(TEMPLATE, 'root'), '--state', state, '--address', address]
  const daemon = spawn('containerd', args, { stdio: ['ignore', log, log] })
  try {
    await listening(daemon, address)
    await work((...args) =>
      runCommand('ctr', ['--address', address, '--namespace', 'k8s.io', ...args], { within: 300 }),
    )
  } finally {
    if (daemon.exitCode === null) {
      daemon.kill()
      await once(daemon, 'exit')
    }
    rmSync(state, { recursive: true, force: true })
  }
}

async function listening(daemon: ChildProcess, address: string): Promise<void> {
  for (const deadline = performance.now() + 20_000; !existsSync(address); await sleep(20)) {
    if (daemon.exitCode !== null || performance.now() > deadline)
      throw new Error(`containerd does not answer: see ${cached('containerd.log')}`)
  }
}
