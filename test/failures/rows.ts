import { API_DOWN } from './api-down.ts'
import { STORM_255, STORM_1020 } from './crowds.ts'
import { DELETED } from './deleted.ts'
import { CARRIER_LOSS, LINK_DOWN } from './links.ts'
import { PLANNED } from './moves.ts'
import { QUIET } from './quiet.ts'
import type { Row } from './row.ts'
import { DEAF, MUTE, SPLIT } from './splits.ts'
import { STARTS } from './starts.ts'
import { CGROUP_FREEZE, CRASH, FREEZE, KILL, OUT_OF_MEMORY } from './stops.ts'

/** In the order of the page. */
export const ROWS: readonly Row[] = [
  CRASH,
  KILL,
  FREEZE,
  CGROUP_FREEZE,
  OUT_OF_MEMORY,
  PLANNED,
  LINK_DOWN,
  CARRIER_LOSS,
  SPLIT,
  MUTE,
  DEAF,
  DELETED,
  STARTS,
  STORM_255,
  STORM_1020,
  API_DOWN,
  QUIET,
]
