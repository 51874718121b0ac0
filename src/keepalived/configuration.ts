import { read, type Say, sayOthers } from './given.ts'
import { type Instance, readInstance, readVersion } from './instance.ts'
import { withSyncGroups } from './sync-groups.ts'
import { parseSyntax, type Statement } from './syntax.ts'
import {
  readScript,
  readTrackFile,
  readTrackProcess,
  type Script,
  type TrackFile,
  type TrackProcess,
} from './trackers.ts'
import { withoutEqual } from './without-equal.ts'

/** What a keepalived.conf says of VRRP; what is absent is keepalived's default. */
export interface Configuration {
  readonly instances: readonly Instance[]
  readonly scripts: ReadonlyMap<string, Script>
  readonly files: ReadonlyMap<string, TrackFile>
  readonly processes: ReadonlyMap<string, TrackProcess>
}

/** What `text` says of VRRP. Everything else in it is said, by row. */
export function readConfiguration(text: string, say: Say): Configuration {
  const { statements: top, problems } = parseSyntax(text)
  for (const { line, keyword, sentence } of problems) say(line, keyword, sentence)
  const version = globalVersion(top, say)
  const instances = top.flatMap(statement => {
    switch (statement.keyword) {
      case 'vrrp_instance':
        return [readInstance(statement, version, say)]
      case 'global_defs':
      case 'vrrp_script':
      case 'vrrp_track_file':
      case 'vrrp_track_process':
      case 'track_process':
      case 'track_file':
      case 'vrrp_sync_group':
        return []
    }
    say(statement.line, statement.keyword, withoutEqual(statement.keyword))
    return []
  })
  return {
    scripts: new Map(top.flatMap(statement => readScript(statement, say))),
    files: new Map(top.flatMap(statement => readTrackFile(statement, say))),
    processes: new Map(top.flatMap(statement => readTrackProcess(statement, say))),
    instances: withSyncGroups(instances, top, say),
  }
}

function globalVersion(top: readonly Statement[], say: Say): 2 | 3 | undefined {
  const globals = top.filter(({ keyword }) => keyword === 'global_defs').flatMap(({ block = [] }) => block)
  sayOthers(globals, ['vrrp_version'], say)
  return read(globals, 'vrrp_version', say, readVersion)?.value
}
