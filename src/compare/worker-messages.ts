/** What the scheduler and its worker processes say to each other. */
import type { ResolvedConfig } from "../config/index.ts"

export type ToWorker =
  | { readonly kind: "start"; readonly directory: string; readonly config: ResolvedConfig }
  | { readonly kind: "run"; readonly directory: string; readonly config: ResolvedConfig; readonly fromStart: boolean; readonly keepModels: boolean }
  /** Finish the step, save, answer `stopped`. */
  | { readonly kind: "stop" }

export type FromWorker =
  | { readonly kind: "step"; readonly step: number }
  | { readonly kind: "done" }
  | { readonly kind: "stopped" }
  | { readonly kind: "failed"; readonly message: string }
