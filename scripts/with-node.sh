#!/bin/sh
# with-node.sh COMMAND...: runs a command of the house (oxlint, tsc, node...) under Node 22 with the packages in place,
# whichever Node npm itself runs on.
set -u
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
. "$root/scripts/ready.sh"
ready dev || exit
export PATH="${node%/*}:$root/node_modules/.bin:$PATH"
exec "$@"
