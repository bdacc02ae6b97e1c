#!/usr/bin/env bash
# The runs of the second plan in README.md. Killed, it goes on where it stopped when started again.
#   experiments/closed-loop/run-slope.sh OUT
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
out=${1:?usage: experiments/closed-loop/run-slope.sh OUT}
here=experiments/closed-loop

compare() {
  local name=$1
  shift
  node_modules/.bin/tsx src/cli/main.ts compare "$@" --out "$out/$name" --starts "$out/starts" || printf '%s: exit code %s\n' "$name" "$?"
}

for s in a b c d; do
  compare "slope-$s" $here/add2-$s.yaml --arm two-thirds=verified:steering.slopeAt=0.67 --arm half=verified:steering.slopeAt=0.5 --seeds 31-38
done
compare slope-e $here/add2-e.yaml --arms base,two-epochs,two-epochs-decay,pipo,verified --arm two-thirds=verified:steering.slopeAt=0.67 --seeds 51-54
