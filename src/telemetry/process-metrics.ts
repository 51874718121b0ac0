import { readdirSync } from 'node:fs'
import type { Registry } from 'prom-client'
import { readCounter, readGauge } from './read-at-scrape.ts'

/**
 * This process, under the names every Prometheus client uses. prom-client's own set is left out: its event loop monitor wakes
 * the process a hundred times a second, which costs an idle agent more than its work does; lateness is measured by the loop itself.
 */
export function addProcessMetrics(registry: Registry): void {
  readCounter(
    registry,
    { name: 'process_cpu_seconds_total', help: 'Total user and system CPU time spent in seconds.' },
    () => {
      const { user, system } = process.cpuUsage()
      return one((user + system) / 1e6)
    },
  )
  readGauge(
    registry,
    { name: 'process_start_time_seconds', help: 'Start time of the process since unix epoch in seconds.' },
    () => one(performance.timeOrigin / 1000),
  )
  readGauge(registry, { name: 'process_resident_memory_bytes', help: 'Resident memory size in bytes.' }, () =>
    one(process.memoryUsage.rss()),
  )
  readGauge(registry, { name: 'process_open_fds', help: 'Number of open file descriptors.' }, openDescriptors)
  readGauge(
    registry,
    { name: 'nodejs_heap_size_used_bytes', help: 'Process heap size used from Node.js in bytes.' },
    () => one(process.memoryUsage().heapUsed),
  )
  readGauge(registry, { name: 'nodejs_version_info', help: 'Node.js version info.', labelNames: ['version'] }, () => [
    { labels: { version: process.version }, value: 1 },
  ])
}

function openDescriptors() {
  try {
    return one(readdirSync('/proc/self/fd').length)
  } catch {
    return []
  }
}

function one(value: number) {
  return [{ labels: {}, value }]
}
