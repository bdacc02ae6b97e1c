/** The protocol's built-in losses, as the notes of the protocol define them, for the engine that the test server computes with. */
import { clip, constant, exp, minimum, mul, neg, square, stopGradient, sub, type Tensor } from "../../src/graph/index.ts"
import type { Objective, ObjectiveInputs } from "../../src/objectives/objective.ts"

type Loss = (inputs: ObjectiveInputs, config: Readonly<Record<string, number>>) => Tensor

function ratio({ logprobs_BT, behaviourLogprobs_BT }: ObjectiveInputs): Tensor {
  return exp(sub(logprobs_BT, behaviourLogprobs_BT))
}

const losses: Readonly<Record<string, Loss>> = {
  cross_entropy: ({ logprobs_BT }) => neg(logprobs_BT),
  importance_sampling: (inputs) => neg(mul(ratio(inputs), inputs.advantages_BT)),
  ppo(inputs, { clip_low_threshold: low = 0.8, clip_high_threshold: high = 1.2 }) {
    const r = ratio(inputs)
    return neg(minimum(mul(r, inputs.advantages_BT), mul(clip(r, constant(low), constant(high)), inputs.advantages_BT)))
  },
  cispo(inputs, { clip_low_threshold: low = 0, clip_high_threshold: high = 4 }) {
    const weight = stopGradient(clip(ratio(inputs), constant(low), constant(high)))
    return neg(mul(mul(weight, inputs.logprobs_BT), inputs.advantages_BT))
  },
  dro(inputs, { beta = 0.1 }) {
    const { logprobs_BT, behaviourLogprobs_BT, advantages_BT } = inputs
    return neg(sub(mul(logprobs_BT, advantages_BT), mul(beta / 2, square(sub(logprobs_BT, behaviourLogprobs_BT)))))
  },
}

export const lossNames: readonly string[] = Object.keys(losses)

export function serverLoss(name: string, config: Readonly<Record<string, number>>): Objective {
  return {
    name,
    key: `server:${name}:${JSON.stringify(config)}`,
    needs: [],
    constants: {},
    build: (inputs) => ({ loss_BT: losses[name]!(inputs, config) }),
  }
}
