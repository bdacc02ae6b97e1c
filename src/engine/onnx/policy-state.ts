/** Weights, gradients, optimiser moments and snapshots of the embedded engine. Lives in the worker. */
import { EngineError } from "../../errors.ts"
import type { Weights } from "../../model/weights.ts"
import type { AdamOptions, StepReport } from "../engine.ts"
import { findSnapshot } from "../snapshots.ts"
import { release } from "./release.ts"

interface Moments {
  readonly first: Float32Array
  readonly second: Float32Array
}

interface Snapshot {
  readonly weights: Weights
  readonly moments: ReadonlyMap<string, Moments> | undefined
  readonly steps: number
  readonly idle: ReadonlyMap<string, number>
}

export class PolicyState {
  /** All parameters, frozen ones included, by name. */
  readonly weights: Weights
  readonly trainable: readonly string[]
  readonly #gradients = new Map<string, Float32Array>()
  readonly #moments = new Map<string, Moments>()
  readonly #snapshots = new Map<string, Snapshot>()
  readonly #rateScales: ReadonlyMap<string, number>
  /** Optimiser steps that a parameter took no part in, where there were any: a value head in updates without a value loss. */
  #idle = new Map<string, number>()
  #steps = 0
  #accumulated = false
  #snapshotCount = 0
  #version = 0

  /** @param rateScales  factors on the learning rate of single parameters; 1 where absent */
  constructor(weights: Weights, trainable: readonly string[], rateScales: ReadonlyMap<string, number> = new Map()) {
    this.weights = weights
    this.trainable = trainable
    this.#rateScales = rateScales
  }

  /** Another number whenever a weight has changed. */
  get version(): number {
    return this.#version
  }

  /** To be called by whoever writes to `weights`. */
  weightsChanged(): void {
    this.#version += 1
  }

  get optimizerSteps(): number {
    return this.#steps
  }

  get idleSteps(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#idle)
  }

  #gradient(name: string): Float32Array {
    let gradient = this.#gradients.get(name)
    if (gradient === undefined) {
      gradient = new Float32Array(this.weights.get(name)!.length)
      this.#gradients.set(name, gradient)
    }
    return gradient
  }

  /**
   * @param values  becomes this object's own, with its buffer: the first gradient of a parameter is kept, not copied
   */
  addGradient(name: string, values: Float32Array): void {
    this.#accumulated = true
    const gradient = this.#gradients.get(name)
    if (gradient === undefined) {
      this.#gradients.set(name, values)
      return
    }
    for (let i = 0; i < gradient.length; i++) gradient[i]! += values[i]!
    release([values])
  }

  /** Adds row n of `rows_ND` to the row of token n: in order, so that repeated tokens sum the same way every time. */
  addRows(name: string, tokens: ArrayLike<bigint>, rows_ND: Float32Array, width: number): void {
    this.#accumulated = true
    const gradient = this.#gradient(name)
    for (let n = 0; n < tokens.length; n++) {
      const to = Number(tokens[n]!) * width
      const from = n * width
      for (let i = 0; i < width; i++) gradient[to + i]! += rows_ND[from + i]!
    }
  }

  clearGradients(): void {
    release([...this.#gradients.values()])
    this.#gradients.clear()
    this.#accumulated = false
  }

  /** Zeros for a parameter that got none: they are made for the reader, since a gradient of zeros is a step of the moments. */
  gradients(): Weights {
    return new Map(
      this.trainable.map((name) => [
        name,
        this.#gradients.get(name) ?? new Float32Array(this.weights.get(name)!.length),
      ]),
    )
  }

  #gradientNorm(): number {
    let total = 0
    for (const name of this.trainable) {
      const gradient = this.#gradients.get(name)
      if (gradient === undefined) continue
      let sum = 0
      for (let i = 0; i < gradient.length; i++) sum += gradient[i]! * gradient[i]!
      total += sum
    }
    return Math.sqrt(total)
  }

  /**
   * AdamW with decoupled weight decay on the accumulated gradients, which are cleared. Source: arXiv:1711.05101. A parameter that
   * got no gradient at all since the last step stays as it is, moments and count of steps included.
   * Not applied when the gradient norm is not finite.
   */
  adamStep(options: AdamOptions): StepReport {
    if (!this.#accumulated)
      throw new EngineError("optimStep: expected gradients from forwardBackward, got none. Call forwardBackward first.")
    const gradientNorm = this.#gradientNorm()
    if (!Number.isFinite(gradientNorm)) {
      this.clearGradients()
      return { gradientNorm, applied: false }
    }
    const { learningRate, beta1, beta2, eps, weightDecay, gradientClip } = options
    const scale = gradientClip > 0 && gradientNorm > gradientClip ? gradientClip / gradientNorm : 1
    this.#steps += 1
    this.weightsChanged()
    for (const name of this.trainable) {
      const gradient = this.#gradients.get(name)
      if (gradient === undefined) {
        this.#idle.set(name, (this.#idle.get(name) ?? 0) + 1)
        continue
      }
      const steps = this.#steps - (this.#idle.get(name) ?? 0)
      const ownRate = learningRate * (this.#rateScales.get(name) ?? 1)
      const rate = ownRate / (1 - beta1 ** steps)
      const correction = 1 / Math.sqrt(1 - beta2 ** steps)
      const keep = 1 - ownRate * weightDecay
      const weight = this.weights.get(name)!
      const { first, second } = this.#momentsOf(name)
      for (let i = 0; i < weight.length; i++) {
        const g = gradient[i]! * scale
        const m = beta1 * first[i]! + (1 - beta1) * g
        const v = beta2 * second[i]! + (1 - beta2) * g * g
        first[i] = m
        second[i] = v
        weight[i] = weight[i]! * keep - (rate * m) / (Math.sqrt(v) * correction + eps)
      }
    }
    this.clearGradients()
    return { gradientNorm, applied: true }
  }

  #momentsOf(name: string): Moments {
    let moments = this.#moments.get(name)
    if (moments === undefined) {
      const { length } = this.weights.get(name)!
      moments = { first: new Float32Array(length), second: new Float32Array(length) }
      this.#moments.set(name, moments)
    }
    return moments
  }

  resetOptimizer(): void {
    this.#moments.clear()
    this.#idle.clear()
    this.#steps = 0
  }

  snapshot(withOptimizer: boolean): string {
    const id = `snapshot-${++this.#snapshotCount}`
    this.#snapshots.set(id, {
      weights: new Map(this.trainable.map((name) => [name, this.weights.get(name)!.slice()])),
      moments: withOptimizer
        ? new Map([...this.#moments].map(([name, m]) => [name, { first: m.first.slice(), second: m.second.slice() }]))
        : undefined,
      steps: this.#steps,
      idle: new Map(this.#idle),
    })
    return id
  }

  /** A snapshot from elsewhere, without optimiser state. */
  addSnapshot(weights: Weights): string {
    const id = `snapshot-${++this.#snapshotCount}`
    this.#snapshots.set(id, { weights, moments: undefined, steps: 0, idle: new Map() })
    return id
  }

  /** Weights of a snapshot: its trainable parameters over the frozen ones. */
  snapshotWeights(id: string): Weights {
    return new Map([...this.weights, ...findSnapshot(this.#snapshots, id).weights])
  }

  restore(id: string): void {
    const snapshot = findSnapshot(this.#snapshots, id)
    this.weightsChanged()
    for (const [name, values] of snapshot.weights) this.weights.get(name)!.set(values)
    if (snapshot.moments !== undefined) {
      this.#steps = snapshot.steps
      this.#idle = new Map(snapshot.idle)
      this.#moments.clear()
      for (const [name, m] of snapshot.moments)
        this.#moments.set(name, { first: m.first.slice(), second: m.second.slice() })
    }
  }

  release(id: string): void {
    findSnapshot(this.#snapshots, id)
    this.#snapshots.delete(id)
  }

  /** Moments as tensors to be saved: `first:NAME` and `second:NAME`. */
  optimizerTensors(): Weights {
    const tensors: Weights = new Map()
    for (const [name, { first, second }] of this.#moments) {
      tensors.set(`first:${name}`, first)
      tensors.set(`second:${name}`, second)
    }
    return tensors
  }

  loadOptimizer(
    tensors: ReadonlyMap<string, Float32Array>,
    steps: number,
    idle: Readonly<Record<string, number>>,
  ): void {
    this.resetOptimizer()
    this.#steps = steps
    this.#idle = new Map(Object.entries(idle))
    for (const name of this.trainable) {
      const [first, second] = [tensors.get(`first:${name}`), tensors.get(`second:${name}`)]
      if (first !== undefined && second !== undefined) this.#moments.set(name, { first, second })
    }
  }
}
