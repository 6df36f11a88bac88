"""Workers on this machine, started and watched by torchrun.

The training process becomes torchrun (the same process id, so that its supervisor sees and stops
it as ever), which starts the workers, and starts all again from the last checkpoint after one died.
"""

import os
import sys
from argparse import Namespace

from huohou import machine
from huohou.jobs import again
from huohou.plan import Plan


def become(options: Namespace, plan: Plan) -> None:
    """Turn this process into torchrun; does not return."""
    workers = int(plan.value("compute.workers"))
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, machine.cores() // workers)))
    command = [sys.executable, "-P", "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", str(workers)]
    command += ["--max-restarts", str(plan.value("compute.restarts"))]
    command += ["--module", "huohou.jobs.member", str(options.folder)]
    command += ["--seg", str(options.seg), "--begin", again.dumps(options.start)]
    command += ["--parent", str(options.parent)] if options.parent else []
    sys.stdout.flush()
    os.execv(sys.executable, command)
