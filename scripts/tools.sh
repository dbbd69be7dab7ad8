#!/bin/sh
# What only tests of other processes need, where it is missing and can be had: a whole Slurm, from Debian's packages (as root).
# Speaks on stderr; always ends with 0: tests of what is missing are left out, and say so.
set -u
PATH=$PATH:/usr/sbin:/sbin
for program in munged slurmctld slurmd sbatch squeue scancel scontrol; do
  command -v "$program" >/dev/null 2>&1 && continue
  packages="slurmctld slurmd slurm-client munge"
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "fliqs set-up: fetching Slurm for its tests" >&2
    install="env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $packages"
    $install >/dev/null 2>&1 || { apt-get update >/dev/null 2>&1 && $install >/dev/null 2>&1; } ||
      echo "npm test: tests of --on slurm are left out: apt-get cannot install $packages" >&2
  else
    echo "npm test: tests of --on slurm are left out; install $packages" >&2
  fi
  exit 0
done
