#!/bin/sh
# npm run check: everything a change must pass, each part even when one before it failed; the failed are named at the end.
set -u
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
cd "$root" || exit
failed=
part() {
  name=$1
  shift
  echo "== $name"
  "$@" || failed="$failed $name"
}

part format sh scripts/with-node.sh oxfmt --check .
part lint sh scripts/with-node.sh oxlint --deny-warnings
part types sh scripts/with-node.sh tsc -p tsconfig.json
part effect sh scripts/with-node.sh effect-tsgo diagnostics --project tsconfig.json --format text --severity error,warning --strict
part direction sh scripts/with-node.sh node scripts/check-direction.ts
part unused sh scripts/with-node.sh knip --no-progress --no-config-hints
part production sh scripts/with-node.sh knip --production --no-progress --no-config-hints
part tests sh scripts/test.sh "$@"

[ -z "$failed" ] || { echo "check: failed:$failed" && exit 1; }
echo "check: all well"
