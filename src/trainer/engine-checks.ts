/** Whether the engine can do what the objective needs: found before the first token is sampled. */
import type { ResolvedConfig } from "../config/index.ts"
import type { Engine, FrozenPolicy } from "../engine/engine.ts"
import { wholeHead } from "../engine/onnx/programs.ts"
import { ConfigError } from "../errors.ts"
import type { ModelConfig } from "../model/config.ts"
import type { Objective } from "../objectives/index.ts"
import type { UpdateRule } from "../pipo/index.ts"

/** Also what the config says nothing of: an objective or an engine of one's own. @throws ConfigError */
export function checkEngine({ capabilities, score }: Engine, { name, needs }: Objective): void {
  if (needs.includes("entropy") && !capabilities.entropy) {
    const message = `${name}: expected an engine that gives entropies, got ${capabilities.name}, which gives log-probs of single tokens. Leave the entropy out, or use engine.kind: onnx.`
    throw new ConfigError([{ path: "objective", message }])
  }
  if (needs.includes("values") && (!capabilities.valueHead || score === undefined)) {
    const message = `${name}: expected an engine with a value head, got ${capabilities.name} without one. Choose an advantage and an objective without a critic, e.g. grpo; gae brings one on the embedded engine.`
    throw new ConfigError([{ path: "objective.advantage", message }])
  }
  if (needs.includes("fullKl") && capabilities.fullKl !== true) throw fullKlRefused(`the engine ${capabilities.name}, which does not hold whole distributions`)
}

/** How the engine keeps a policy to sample from while it trains. @throws ConfigError when engine or rule cannot do with overlap */
export function freezeOf(engine: Engine, { name, comparesWithPrevious }: UpdateRule): () => Promise<FrozenPolicy> {
  const refused = (message: string): ConfigError => new ConfigError([{ path: "train.overlap", message }])
  if (comparesWithPrevious === true) {
    throw refused(`expected false with the rule ${name}, which compares the newest policy with the one before on its own responses, got true. Use another rule, or remove it.`)
  }
  if (engine.freeze === undefined) {
    throw refused(`expected false with the engine ${engine.capabilities.name}, which cannot sample while it trains, got true. Set engine.kind: tinker, or remove it.`)
  }
  return () => engine.freeze!()
}

/** The embedded engine takes the divergence from all logits at once. @throws ConfigError when it has them in pieces */
export function checkFullKl({ objective, engine }: ResolvedConfig, model: ModelConfig): void {
  if (objective.klEstimator !== "full" || objective.klCoefficient === 0 || wholeHead({ config: model, headChunk: engine.headChunk })) return
  throw fullKlRefused(`a vocabulary of ${model.vocabularySize} that engine.headChunk (${engine.headChunk}) cuts into pieces`)
}

function fullKlRefused(where: string): ConfigError {
  const message = `expected an estimator from sampled tokens with ${where}, got full. Set engine.headChunk to 0 (all logits at once, which takes memory), or use k3.`
  return new ConfigError([{ path: "objective.klEstimator", message }])
}
