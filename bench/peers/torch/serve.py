"""The worker's side of the bench in Python: the same lines as bench/worker/serve.ts."""

import json
import platform
import sys
import time

import torch


def threads(count):
    torch.set_num_threads(count)
    torch.set_num_interop_threads(count)
    torch.manual_seed(0)


def serve(step, warm=8, **facts):
    for _ in range(warm):
        step()
    told = {"torch": torch.__version__, "python": platform.python_version(), "threads": torch.get_num_threads(), **facts}
    print("ready", json.dumps(told), flush=True)
    for line in sys.stdin:
        steps = int(line)
        start = time.perf_counter()
        for _ in range(steps):
            step()
        print((time.perf_counter() - start) * 1e3 / steps, flush=True)
