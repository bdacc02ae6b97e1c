/**
 * A saved or exported model against the policy that it was saved from. Rounding to fewer bits may cost accuracy, which the
 * evaluations of training do not know.
 */
import { formatShare } from "../amounts.ts"
import { changeInterval, measuredAccuracies, type EvaluationPoint, type Interval, type Measured } from "../analysis/index.ts"

/** One accuracy of the saved model. */
export interface SavedMeasure {
  readonly accuracy: number
  /** 95 %; null where the error is not known. */
  readonly interval: Interval | null
  /** Of the trained policy, on the same problems; null when it was not measured at this step. */
  readonly trained: number | null
  /** accuracy - trained with its 95 % interval, paired over the problems where both tell which were right. */
  readonly change: Interval | null
}

/** What is known of a saved model. The accuracies are null when it was not measured. */
export interface SavedAccuracy {
  /** Number format of the weights. */
  readonly dtype: string
  /** The weights are those of the trained policy, bit for bit: it need not be measured again. */
  readonly asTrained: boolean
  /** Held-out problems measured. */
  readonly size: number | null
  readonly greedy: SavedMeasure | null
  readonly expected: SavedMeasure | null
}

/** What stays of an evaluation: the saved model's, or in its place the trained policy's where the weights are the same. */
export interface SavedEvaluations {
  readonly dtype: string
  /** Of the saved model; undefined when it was not measured, or need not be. */
  readonly saved: EvaluationPoint | undefined
  /** Of the policy at the step of the saved weights. */
  readonly trained: EvaluationPoint | undefined
  readonly asTrained: boolean
}

/** Puts the evaluation of a saved model beside that of training. */
export function compareSaved({ dtype, saved, trained, asTrained }: SavedEvaluations): SavedAccuracy {
  const measured = saved ?? (asTrained ? trained : undefined)
  const reference = trained === undefined || measured === undefined ? undefined : onFirst(trained, measured)
  const measure = (kind: "greedy" | "expected"): SavedMeasure | null => {
    const [own] = measured === undefined ? [] : measuredAccuracies([measured], kind)
    const [before] = reference === undefined ? [] : measuredAccuracies([reference], kind)
    return own === undefined ? null : savedMeasure(own, before)
  }
  return { dtype, asTrained, size: measured?.size ?? null, greedy: measure("greedy"), expected: measure("expected") }
}

/** The same evaluation on as many problems, the first ones, where the other one measured fewer. Of the expected accuracy there is no more than the mean. */
function onFirst(point: EvaluationPoint, { size, greedyCorrect }: EvaluationPoint): EvaluationPoint | undefined {
  if (point.size === size) return point
  const correct = point.greedyCorrect?.slice(0, greedyCorrect?.length ?? 0) ?? ""
  const judged = [...correct].filter((mark) => mark !== "-").length
  if (size === undefined || correct.length !== size || judged === 0) return undefined
  const right = [...correct].filter((mark) => mark === "1").length
  return { step: point.step, size, greedyAccuracy: right / judged, greedyCorrect: correct, verifierFailures: size - judged }
}

function savedMeasure(own: Measured, before: Measured | undefined): SavedMeasure {
  const change = before === undefined ? null : changeInterval(before, own)
  return { accuracy: own.accuracy, interval: own.interval, trained: before?.accuracy ?? null, change }
}

/**
 * What should be done about a saved model that answers otherwise than the trained policy did.
 * @returns undefined while zero lies within the interval of the change
 */
export function savedWarning({ dtype, size, greedy, expected }: SavedAccuracy): string | undefined {
  const measure = greedy ?? expected
  if (measure === null || measure.trained === null || measure.change === null) return undefined
  const { low, high } = measure.change
  if (low <= 0 && high >= 0) return undefined
  return (
    `The model saved as ${dtype} differs from the trained policy beyond the 95 % interval: ` +
    `${formatShare(measure.accuracy)} ${greedy === null ? "expected" : "greedy"} of ${size} held-out problems, ` +
    `against ${formatShare(measure.trained)} in training. ${dtype === "f32" ? "Do not merge the adapters." : "Save or export it as f32."}`
  )
}
