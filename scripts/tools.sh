#!/bin/sh
# What only tests of other processes need, where it is missing and can be had from Debian's packages (as root): a whole
# Slurm, and a Chromium. Speaks on stderr; always ends with 0: tests of what is missing are left out, and say so.
set -u
PATH=$PATH:/usr/sbin:/sbin

# has PROGRAM...: all of them are in PATH.
has() {
  for program; do command -v "$program" >/dev/null 2>&1 || return 1; done
}

# fetch WHAT TESTS PACKAGE...: installs the packages, or says which tests are left out.
fetch() {
  what=$1 tests=$2
  shift 2
  if [ "$(id -u)" = 0 ] && has apt-get; then
    echo "fliqs set-up: fetching $what for its tests" >&2
    install="env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $*"
    $install >/dev/null 2>&1 || { apt-get update >/dev/null 2>&1 && $install >/dev/null 2>&1; } ||
      echo "npm test: $tests are left out: apt-get cannot install $*" >&2
  else
    echo "npm test: $tests are left out; install $*" >&2
  fi
}

has munged slurmctld slurmd sbatch squeue scancel scontrol ||
  fetch Slurm "tests of --on slurm" slurmctld slurmd slurm-client munge
has chromium || has chromium-browser || has google-chrome ||
  fetch Chromium "tests of pages in a browser" chromium
