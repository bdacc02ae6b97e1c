/** The weight of the divergence from the reference policy over a run: fixed, or moved towards a target. */
import type { ObjectiveSettings } from "../config/index.ts"
import { adaptiveKlController, fixedKlController, type KlController } from "../objectives/index.ts"

/** Responses over which a full error changes the coefficient by 20 %, when nothing is said: as in verl. */
const DEFAULT_HORIZON = 10_000

/** @param coefficient  where a resumed run stood; the config's when absent */
export function klController({ klCoefficient, klTarget, klHorizon = DEFAULT_HORIZON }: ObjectiveSettings, coefficient: number = klCoefficient): KlController {
  if (klTarget === undefined) return fixedKlController(klCoefficient)
  return adaptiveKlController({ initial: coefficient, target: klTarget, horizon: klHorizon })
}

/** The weight in force where it is moved, as objectives, metrics and checkpoints name it; nothing where it is fixed. */
export function adaptiveCoefficient({ klTarget }: ObjectiveSettings, { coefficient }: KlController): { readonly klCoefficient?: number } {
  return klTarget === undefined ? {} : { klCoefficient: coefficient }
}

/** Follows what a step measured; a step without a finite divergence (a refused update, an empty batch) changes nothing. */
export function followKl(controller: KlController, measured: unknown, responses: number): void {
  if (typeof measured === "number" && Number.isFinite(measured) && responses > 0) controller.update(measured, responses)
}
