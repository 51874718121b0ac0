/*
 * Property tests try the same cases in every run of the gate, so that it turns red for a reason. `make soak` tries new ones; a failure there
 * prints the seed: SEED=… make test ONLY=… repeats it.
 */
import fc from 'fast-check'

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env['SEED'] ?? 1) })
