#!/bin/sh
# npm test [-- VITEST ARGUMENTS]: readies the machine as `fliqs` does, then runs vitest. May be the first command ever
# run in a clone. The local MLflow server is readied too, unless the named projects do without it.
set -u
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
. "$root/scripts/ready.sh"
ready dev || exit
ready tensors || exit

mlflow=yes
previous=
for argument; do
  case $previous$argument in
    --project=integration | --projectintegration) mlflow=yes && break ;;
    --project=* | --project?*) mlflow=no ;;
  esac
  previous=
  [ "$argument" != --project ] || previous=--project
done
if [ "$mlflow" = yes ]; then
  sh "$root/scripts/setup.sh" mlflow
  case $? in
    0) ;;
    4) echo "npm test: tests of the local MLflow server are left out" >&2 ;;
    *) exit 3 ;;
  esac
fi

# What exported files are run with is needed where trackers are: by the tests of other processes.
[ "$mlflow" = no ] || sh "$root/scripts/setup.sh" onnxruntime || exit
[ "$mlflow" = no ] || sh "$root/scripts/tools.sh"

cd "$root" || exit
export PATH="${node%/*}:$root/node_modules/.bin:$PATH"
export NODE_OPTIONS="--no-deprecation --disable-warning=ExperimentalWarning${NODE_OPTIONS:+ $NODE_OPTIONS}"
exec vitest run "$@"
