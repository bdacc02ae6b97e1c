#!/usr/bin/env bash
# All runs of the plan in README.md, in its order. Killed, it goes on where it stopped when started again.
#   experiments/closed-loop/run.sh OUT
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
out=${1:?usage: experiments/closed-loop/run.sh OUT}
here=experiments/closed-loop

# The start models of a task are the same in all its settings: one folder for them.
compare() {
  local name=$1
  shift
  node_modules/.bin/tsx src/cli/main.ts compare "$@" --out "$out/$name" --starts "$out/starts" || printf '%s: exit code %s\n' "$name" "$?"
}

decay() { printf -- '--arm decay-half=two-epochs-decay:optimizer.learningRate=%s --arm decay-double=two-epochs-decay:optimizer.learningRate=%s' "$1" "$2"; }
declare -A half=([a]=1e-4 [b]=1.5e-4 [c]=2e-4 [d]=3.5e-4) double=([a]=4e-4 [b]=6e-4 [c]=8e-4 [d]=1.4e-3)

for s in b c; do
  compare "tune-$s" $here/add2-$s.yaml --arms two-epochs-decay $(decay ${half[$s]} ${double[$s]}) --seeds 21-24
done
for s in b c d a; do
  compare "verified-$s" $here/add2-$s.yaml --arms two-epochs,verified,two-epochs-decay $(decay ${half[$s]} ${double[$s]}) --seeds 31-38
done
arms=base,two-epochs,replay,random-xi,linear-decay,pipo,pipo-reference-code
# The published code has no verification loss of its own for dapo and drgrpo.
short=base,two-epochs,replay,random-xi,linear-decay,pipo
both() {
  compare "$1-grpo" "$2" --objectives grpo --arms $arms --seeds 5
  for objective in dapo drgrpo; do compare "$1-$objective" "$2" --objectives $objective --arms $short --seeds 5; done
  compare "$1-gspo" "$2" --objectives gspo --arms $arms --seeds 5
}
options() {
  compare "options-$1" $here/add2-$1.yaml --arms verified,pipo --seeds 31-34 \
    --arm kl=verified:steering.slopeGain=0,steering.dropThreshold=0 \
    --arm kl+slope=verified:steering.dropThreshold=0 \
    --arm kl+drop=verified:steering.slopeGain=0 \
    --arm drop=verified:steering.klTarget=0,steering.slopeGain=0 \
    --arm return=verified:steering.returns=true \
    --arm pipo-step=pipo:pipo.scales=step
}
options b
options d
both add2-b $here/add2-b.yaml
both steps-stressed $here/steps-stressed.yaml
both add2-a $here/add2-a.yaml
both steps-safe $here/steps-safe.yaml
both add2-c $here/add2-c.yaml
options c
options a
