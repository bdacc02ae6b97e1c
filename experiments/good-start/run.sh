#!/usr/bin/env bash
# The runs of the plan in README.md. Killed, it goes on where it stopped when started again.
#   experiments/good-start/run.sh OUT
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
out=${1:?usage: experiments/good-start/run.sh OUT}
config=examples/quickstart.yaml
pirl() { node_modules/.bin/tsx src/cli/main.ts "$@"; }

arms=(--arm w0=base:optimizer.warmupSteps=0)
for steps in 2 5 10 20; do arms+=(--arm "w$steps=base:optimizer.warmupSteps=$steps"); done
pirl compare $config --seeds 101-103 --set train.steps=40 --set optimizer.schedule=constant --set evaluation.every=40 "${arms[@]}" --out "$out/tune"

# Of the problems that the steps of a run are measured on.
for seed in 101 102 103; do
  pirl eval "$out/tune/starts/seed-$seed" --task add2 --set task.heldOutSize=500 --set evaluation.size=200 --set evaluation.greedy=false \
    --set rollout.maxResponseTokens=4 --set seed=$seed --json >"$out/tune/start-$seed.json"
done

pirl compare $config --seeds 1-10 --set evaluation.stepSize=500 --set evaluation.every=20 \
  --arm before=pipo:optimizer.warmupSteps=0 --arm after=pipo:optimizer.warmupSteps=10 --out "$out/claims"
