# What a command needs, whether it is there already, and where. Sourced (POSIX sh) by `fliqs`, `scripts/test.sh` and
# `scripts/with-node.sh` with $root set; `scripts/setup.sh` does the work when something is missing.
#
# The set-up writes into the cache alone, but for `node_modules/` beside the checkout, and that goes into the cache too
# where the checkout may not be written. What it makes is named by what it is made of, so checkouts may share a cache.

# The cache: beside the checkout; of an installed package in the user's cache, because npm removes its folder when it
# installs again; elsewhere where FLIQS_CACHE says (a relative one is taken from the current directory). One folder has
# one spelling, without links and `..`. `src/disk/Installation.ts` says the same.
cache_of() {
  user=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}
  case ${FLIQS_CACHE-}:$user:$root in
    :/*:*/node_modules/*) cache=$user/fliqs ;;
    :*) cache=$root/.cache ;;
    /*) cache=$FLIQS_CACHE ;;
    *) cache=$PWD/$FLIQS_CACHE ;;
  esac
  [ -d "$cache" ] || mkdir -p "$cache" 2>/dev/null || return 0
  # The dot keeps newlines at the end of a name.
  resolved=$(CDPATH='' cd -- "$cache" 2>/dev/null && pwd -P && echo .) || return 0
  cache=${resolved%?.}
}

# needs ARGUMENT...: prints the set of steps a command line needs, `tensors` or `base`. The first word that is a command
# decides, by commands.txt; whoever only asks for help needs no tensors.
needs() {
  for argument; do
    case $argument in
      -h | --help | --version | --completions | --completions=*) echo base && return ;;
      --) break ;;
    esac
  done
  for argument; do
    [ "$argument" != -- ] || break
    while read -r command set; do
      [ "$command" != "$argument" ] || { echo "$set" && return; }
    done <"$root/scripts/commands.txt"
  done
  echo base
}

# stamp_of SET: $stamp, the file that says of this checkout that a set is there, and $key, of all that decides what the
# set is made of. Its lines: the key, the program of Node, the folder that has `node_modules/`, what else must be there;
# relative to the cache where they are in it.
stamp_of() {
  stamp=$cache/ready$root/stamp-$1
  key=$(
    cd "$root" &&
      for file in scripts/ready.sh scripts/setup.sh scripts/node/package.json package-lock.json native/*.h native/*.cc; do
        [ ! -f "$file" ] || cat "$file"
      done | sha256sum 2>/dev/null
  )
  key=${key%% *}
}

# is_ready SET: true when the stamp of an earlier set-up still holds; sets $node and $packages.
is_ready() {
  stamp_of "$1"
  [ -f "$stamp" ] && [ -n "$key" ] && read_stamp <"$stamp"
}

read_stamp() {
  IFS= read -r stamped && IFS= read -r node && IFS= read -r packages || return 1
  [ "$stamped" = "$key" ] || return 1
  case $node in /*) ;; *) node=$cache/$node ;; esac
  case $packages in
    installed) packages= ;;
    beside) packages=$root ;;
    *) packages=$cache/$packages ;;
  esac
  [ -x "$node" ] || return 1
  while IFS= read -r file; do [ -e "$cache/$file" ] || return 1; done
  [ -z "$packages" ] ||
    { [ -f "$packages/node_modules/.package-lock.json" ] && [ "$stamp" -nt "$packages/node_modules/.package-lock.json" ]; }
}

# ready SET: as above, and makes it so when it is not.
ready() {
  cache_of
  export FLIQS_CACHE="$cache"
  is_ready "$1" || {
    sh "$root/scripts/setup.sh" "$1" || return
    # The clock of the file system may be coarse: what was just set up is taken as it is.
    is_ready "$1" || [ -x "$node" ] || return 3
  }
  # Packages that are not beside the checkout are found by a hook; see scripts/packages.cjs.
  FLIQS_PACKAGES=
  case $packages in "" | "$root") ;; *) FLIQS_PACKAGES=$packages ;; esac
  export FLIQS_PACKAGES
}

# start_node ARGUMENT...: becomes Node, which finds the packages wherever they are.
start_node() {
  [ -z "$FLIQS_PACKAGES" ] || set -- --require "$root/scripts/packages.cjs" "$@"
  exec "$node" "$@"
}
