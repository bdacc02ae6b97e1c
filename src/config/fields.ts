/**
 * Kinds of numbers that settings are made of.
 */
import { z } from "zod"

/** An integer of at least `min`. */
export function integer(min: number, max?: number): z.ZodType<number> {
  return max === undefined ? z.int().min(min) : z.int().min(min).max(max)
}

/** A finite number above zero. */
export function positive(): z.ZodType<number> {
  return z.number().positive()
}

/** A finite number of at least zero. */
export function nonNegative(): z.ZodType<number> {
  return z.number().min(0)
}

/** A number between zero and one, both included. */
export function share(): z.ZodType<number> {
  return z.number().min(0).max(1)
}
