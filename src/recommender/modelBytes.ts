/**
 * The bytes of a linear model, as snapshots keep them. Little-endian:
 *
 * | offset | holds |
 * | --- | --- |
 * | 0 | `TSLM` in ASCII |
 * | 4 | version, uint16 |
 * | 6 | d, uint16 |
 * | 8 | feature schema hash, 8 bytes |
 * | 16 | prior precision, float64 |
 * | 24 | prior mean, d float64 |
 * | 24 + 8d | reward-weighted vector b, d float64 |
 * | 24 + 16d | lower Cholesky factor by columns, d(d+1)/2 float64 |
 */

export interface ModelParts {
  readonly schemaHash: string
  readonly priorPrecision: number
  readonly priorMean: Float64Array
  readonly weighted: Float64Array
  readonly factor: Float64Array
}

export type ModelUnreadableReason = "magic" | "version" | "length" | "schema" | "not-finite" | "not-positive"

/** The bytes are not a model this program can use. A learner then starts from the log, or from an older snapshot. */
export class ModelUnreadable extends Error {
  readonly _tag = "ModelUnreadable"
  override readonly name = "ModelUnreadable"
  readonly reason: ModelUnreadableReason
  constructor(reason: ModelUnreadableReason) {
    super(`model bytes are unreadable: ${reason}`)
    this.reason = reason
  }
}

const magic = 0x4d4c5354
const version = 1
const headerBytes = 24
/** Far above any feature set here; keeps a corrupt header from asking for gigabytes. */
const dimensionMax = 1024

export const encodeModel = (parts: ModelParts): Uint8Array => {
  const d = parts.priorMean.length
  const bytes = new Uint8Array(byteLengthOf(d))
  const view = new DataView(bytes.buffer)
  view.setUint32(0, magic, true)
  view.setUint16(4, version, true)
  view.setUint16(6, d, true)
  view.setBigUint64(8, BigInt(`0x${parts.schemaHash}`), false)
  view.setFloat64(16, parts.priorPrecision, true)
  let at = headerBytes
  for (const values of [parts.priorMean, parts.weighted, parts.factor]) {
    for (const value of values) {
      view.setFloat64(at, value, true)
      at += 8
    }
  }
  return bytes
}

/** Throws `ModelUnreadable`. `schemaHash` is that of the columns the model is wanted for. */
export const decodeModel = (bytes: Uint8Array, schemaHash: string): ModelParts => {
  if (bytes.byteLength < headerBytes) throw new ModelUnreadable("length")
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getUint32(0, true) !== magic) throw new ModelUnreadable("magic")
  if (view.getUint16(4, true) !== version) throw new ModelUnreadable("version")
  const d = view.getUint16(6, true)
  if (d === 0 || d > dimensionMax || bytes.byteLength !== byteLengthOf(d)) throw new ModelUnreadable("length")
  if (view.getBigUint64(8, false).toString(16).padStart(16, "0") !== schemaHash) throw new ModelUnreadable("schema")

  const priorPrecision = view.getFloat64(16, true)
  const priorMean = floatsAt(view, headerBytes, d)
  const weighted = floatsAt(view, headerBytes + 8 * d, d)
  const factor = floatsAt(view, headerBytes + 16 * d, d * (d + 1) / 2)
  if (!(priorPrecision > 0)) throw new ModelUnreadable("not-positive")
  for (let k = 0, diagonal = 0; k < d; diagonal += d - k, k++) {
    if (!(factor[diagonal]! > 0)) throw new ModelUnreadable("not-positive")
  }
  return { schemaHash, priorPrecision, priorMean, weighted, factor }
}

const byteLengthOf = (d: number): number => headerBytes + 8 * (2 * d + d * (d + 1) / 2)

const floatsAt = (view: DataView, offset: number, count: number): Float64Array => {
  const values = new Float64Array(count)
  for (let i = 0; i < count; i++) {
    const value = view.getFloat64(offset + 8 * i, true)
    if (!Number.isFinite(value)) throw new ModelUnreadable("not-finite")
    values[i] = value
  }
  return values
}
