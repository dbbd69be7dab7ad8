# What a command needs, whether it is there already, and where. Sourced (POSIX sh) by `fliqs`, `scripts/test.sh` and
# `scripts/with-node.sh` with $root set; `scripts/setup.sh` does the work when something is missing.

# The cache: beside the checkout unless FLIQS_CACHE moves it; a relative one is taken from the current directory.
cache_of() {
  case ${FLIQS_CACHE-} in
    "") cache=$root/.cache ;;
    /*) cache=$FLIQS_CACHE ;;
    *) cache=$PWD/$FLIQS_CACHE ;;
  esac
}

# needs ARGUMENT...: prints the set of steps a command line needs, `tensors` or `base`. The first known command word
# decides; whoever only asks for help needs no tensors.
needs() {
  word=
  for argument; do
    case $argument in
      -h | --help | --version | --completions | --completions=*) word=base ;;
      --) break ;;
    esac
  done
  for argument; do
    [ -z "$word" ] || break
    case $argument in
      run | trial | latency | evaluate | export) word=tensors ;;
      init | validate | plan | list | show | compare | diff | report | cost | format | simulate | data | ui | sync | doctor)
        word=base
        ;;
      --) break ;;
    esac
  done
  echo "${word:-base}"
}

# is_ready SET: true when the stamp of an earlier set-up still holds; sets $node. Forks nothing.
is_ready() {
  stamp=$root/.cache/ready-$1
  [ -f "$stamp" ] || return 1
  { IFS= read -r stamped && IFS= read -r node; } <"$stamp" || return 1
  [ "$stamped" = "$cache" ] && [ -x "$node" ] || return 1
  [ "$stamp" -nt "$root/scripts/setup.sh" ] || return 1
  if [ -f "$root/package-lock.json" ]; then
    [ "$stamp" -nt "$root/package-lock.json" ] || return 1
    [ "$stamp" -nt "$root/node_modules/.package-lock.json" ] || return 1
    [ -f "$root/node_modules/.package-lock.json" ] || return 1
  fi
  [ "$1" = tensors ] || return 0
  [ -e "$cache/tensorflow-2.21.0/tfjs_binding.node" ] || return 1
  tfjs=$root/node_modules/@tensorflow/tfjs-node
  [ ! -d "$tfjs" ] || [ -e "$tfjs/lib/napi-v8/tfjs_binding.node" ] || return 1
  for source in "$root"/native/*.h "$root"/native/*.cc; do
    [ -f "$source" ] || continue
    [ "$stamp" -nt "$source" ] && [ -e "$root/native/build/fliqs_native.node" ] || return 1
  done
}

# ready SET: as above, and makes it so when it is not.
ready() {
  cache_of
  export FLIQS_CACHE="$cache"
  is_ready "$1" && return 0
  sh "$root/scripts/setup.sh" "$1" || return
  is_ready "$1" && return 0
  # The clock of the file system may be coarse: what was just set up is taken as it is.
  { IFS= read -r stamped && IFS= read -r node; } <"$root/.cache/ready-$1"
}
