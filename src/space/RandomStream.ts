/**
 * Random numbers with a state that can be written down: named, independent streams from one seed.
 *
 * In here: the sfc32 generator (Chris Doty-Humphrey, PractRand: 128 bits of state, passes its tests), seeded by the
 * SHA-256 of seed and name, so that streams of different names share nothing and adding a stream changes no other.
 * Everything a stream will ever draw follows from four 32-bit words, which go into a checkpoint as they are: no spare
 * normal value is kept between calls. Left out: what is drawn (`search/`, `data/`, `supernet/`).
 */
import { createHash } from "node:crypto"
import { Schema } from "effect"

const Word = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4_294_967_295 }))

/** Four unsigned 32-bit words. */
export const RandomState = Schema.Tuple([Word, Word, Word, Word])
export type RandomState = typeof RandomState.Type

export interface Random {
  /** Uniform in [0, 1), 32 bits. */
  readonly uniform: () => number
  /** Uniform among 0 .. count - 1, without bias. Throws RangeError unless count is in 1 .. 2^32. */
  readonly integer: (count: number) => number
  /** Standard normal, by Box and Muller from two uniforms. */
  readonly normal: () => number
  /** 0 .. count - 1 in random order. */
  readonly permutation: (count: number) => Uint32Array
  /** All that is needed to go on from here: `fromState(random.state())` draws the same values. */
  readonly state: () => RandomState
}

/** Go on from a state; the state itself is not changed. */
export const fromState = (state: RandomState): Random => {
  let [a, b, c, counter] = [state[0] | 0, state[1] | 0, state[2] | 0, state[3] | 0]

  const word = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  const uniform = (): number => word() / 2 ** 32

  const integer = (count: number): number => {
    if (!(count >= 1 && count <= 2 ** 32)) throw new RangeError(`no integer below ${count} to draw`)
    const limit = 2 ** 32 - (2 ** 32 % count)
    for (;;) {
      const drawn = word()
      if (drawn < limit) return drawn % count
    }
  }

  const normal = (): number => {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()))
    return radius * Math.cos(2 * Math.PI * uniform())
  }

  const permutation = (count: number): Uint32Array => {
    const order = Uint32Array.from({ length: count }, (_, i) => i)
    for (let i = count - 1; i > 0; i--) {
      const j = integer(i + 1)
      const held = order[i]!
      order[i] = order[j]!
      order[j] = held
    }
    return order
  }

  const current = (): RandomState => [a >>> 0, b >>> 0, c >>> 0, counter >>> 0]

  return { uniform, integer, normal, permutation, state: current }
}

/**
 * The stream `name` of `seed`: `"weights"`, `"split"`, `"order"`, `"augment"`, `"proposals"`; a step or an epoch may be
 * part of the name (`"order/3"`), which makes what is drawn there independent of everything before.
 */
export const randomStream = (seed: number, name: string): Random => {
  const digest = createHash("sha256").update(`fliqs ${seed} ${name}`).digest()
  return fromState([
    digest.readUInt32LE(0),
    digest.readUInt32LE(4),
    digest.readUInt32LE(8),
    digest.readUInt32LE(12),
  ])
}
