"""Measures how fast the file can be read at all: positioned reads on all threads into reused memory, without computation.

usage: python plain_read.py FILE     prints seconds, the least of three rounds
"""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

CHUNK = 4 << 20


def share(file, first, step, size):
    """Every `step`-th chunk."""
    buffer = bytearray(CHUNK)
    for start in range(first * CHUNK, size, step * CHUNK):
        os.preadv(file, [buffer], start)


def main():
    file = os.open(sys.argv[1], os.O_RDONLY)
    size, threads, rounds = os.fstat(file).st_size, len(os.sched_getaffinity(0)), []
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(3):
            start = time.perf_counter()
            list(pool.map(lambda first: share(file, first, threads, size), range(threads)))
            rounds.append(time.perf_counter() - start)
    print(min(rounds))


if __name__ == "__main__":
    main()
