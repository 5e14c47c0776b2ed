"""A client that was made before a fork serves parent and children, each with its own answers."""

import os
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows does not fork")

# In a process of its own: pytest has threads, and a test that hangs is to end by itself.
PRELUDE = """
    import os, sys, threading, time
    import multiprocessing
    import td_notebooks as td
    from td_notebooks.sandbox import CentreSettings, Sandbox
    from td_notebooks.sandbox.faults import FaultSettings

    place = Sandbox(
        centre=CentreSettings(calls_per_day=3, agents=1),
        faults=sys.argv[1],
        fault_settings=FaultSettings(stall_seconds=3),
    ).start()
    client = td.connect(
        account=place.account, client_id=place.client_id, client_secret=place.client_secret,
        api_url=place.api_url, token_url=place.token_url,
    )
    fork = multiprocessing.get_context("fork")
"""


def run(program, *, faults=""):
    text = textwrap.dedent(PRELUDE) + textwrap.dedent(program)
    return subprocess.run(
        [sys.executable, "-c", text, faults], capture_output=True, text=True, timeout=60
    )


def test_children_get_the_answers_to_their_own_questions():
    done = run(
        """
        jobs = [client.submit("calls", "2026-08-01", "2026-08-02").id for _ in range(8)]

        def wrong_answers(job_id):
            return sum(client.job("calls", job_id).id != job_id for _ in range(30))

        with fork.Pool(4) as pool:
            waiting = pool.map_async(wrong_answers, jobs, chunksize=1)
            here = wrong_answers(jobs[0])
            print(here, sum(waiting.get(40)))
        place.close()
        """
    )
    assert done.stdout == "0 0\n", done.stderr


def test_a_child_does_not_wait_for_a_renewal_of_its_parent():
    done = run(
        """
        threading.Thread(target=client.jobs, args=("calls",), daemon=True).start()
        while not client.transport.auth._lock.locked():
            time.sleep(0.01)
        time.sleep(1)  # it has sent its request, and imported what it needs: Python has locks, too
        child = fork.Process(target=client.jobs, args=("calls",))
        child.start()
        child.join(20)
        print(child.exitcode)
        child.kill()
        place.close()
        """,
        faults="slow-token@1",
    )
    assert done.stdout == "0\n", done.stderr
