/* The images of a cluster, made where no registry is: images.ts [base] */
import { mkdirSync } from 'node:fs'
import { ensureBaseImage } from './base-image.ts'
import { CACHE } from './cache.ts'

mkdirSync(CACHE, { recursive: true })
await ensureBaseImage()
