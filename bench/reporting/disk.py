"""What the disk needs for the bytes of a round: each member writes its model to a file of its own and calls fsync."""
import os
import tempfile
import threading
import time


def write_durably(path, data):
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(file, view):]
        os.fsync(file)
    finally:
        os.close(file)


def measure(members, size):
    """Seconds until all members' models are on disk; they are written at the same time, as in a round."""
    data = os.urandom(min(size, 1 << 20)) * (size // min(size, 1 << 20) + 1)
    data = data[:size]
    with tempfile.TemporaryDirectory(prefix="starling-disk-") as folder:
        threads = [threading.Thread(target=write_durably, args=(f"{folder}/{i}", data)) for i in range(members)]
        before = os.times()
        begin = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.monotonic() - begin
        after = os.times()
    cpu = after.user - before.user + after.system - before.system
    return {"seconds": [seconds], "cpu": round(cpu, 3), "peak_mib": 0.0}  # os.times() counts hundredths


def measure_fsync(repetitions=20):
    """Seconds of one fsync after a short write."""
    found = []
    with tempfile.TemporaryDirectory(prefix="starling-disk-") as folder:
        file = os.open(f"{folder}/log", os.O_WRONLY | os.O_CREAT, 0o600)
        for _ in range(repetitions):
            os.write(file, b"x" * 512)
            begin = time.monotonic()
            os.fsync(file)
            found.append(time.monotonic() - begin)
        os.close(file)
    return found
