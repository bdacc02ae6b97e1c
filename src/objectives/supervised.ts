/** Cross entropy of given responses: the objective of a supervised warm start. */
import { neg } from "../graph/index.ts"
import type { Objective } from "./objective.ts"

/** L_t = -log pi_theta(y_t). */
export const crossEntropy: Objective = {
  name: "cross-entropy",
  key: "cross-entropy",
  needs: [],
  constants: {},
  build: ({ logprobs_BT }) => ({ loss_BT: neg(logprobs_BT) }),
}
