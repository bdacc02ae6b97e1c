/** Problems of one's own, for commands that only want the model's tokens. */
import type { Problem, Task } from "./task.ts"
import type { Verifier } from "../verifiers/verifier.ts"

/** Problems as a task that judges nothing. */
export function unjudgedTask(problems: readonly Problem[]): Task {
  const verifier: Verifier = { name: "none", verify: () => ({ status: "no-answer", reward: 0, reason: "not judged" }) }
  return {
    name: "prompts",
    trainSize: 0,
    trainProblem: (_seed, position) => problems[position % problems.length]!,
    heldOut: problems,
    verifierFor: () => verifier,
  }
}
