"""Prints what an offline W&B run holds, as JSON: config, history by step, summary, group, name, tags.

read_offline.py FILE.wandb. The file is LevelDB's log format in blocks of 32 KiB after a header of 7 bytes, with plain
CRC-32; the records are `wandb_internal_pb2.Record`.
"""

import json
import struct
import sys
import zlib

from wandb.proto import wandb_internal_pb2

BLOCK = 32 * 1024
HEADER = 7
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def records(path):
    with open(path, "rb") as file:
        data = file.read()
    assert struct.unpack("<4sHB", data[:HEADER])[:2] == (b":W&B", 0xBEE1), data[:HEADER]
    at, whole = HEADER, b""
    while at < len(data):
        left = BLOCK - at % BLOCK
        if left < HEADER:
            at += left
            continue
        checksum, length, kind = struct.unpack("<IHB", data[at : at + HEADER])
        part = data[at + HEADER : at + HEADER + length]
        at += HEADER + length
        if kind == 0:  # the rest of a block that was not filled
            continue
        assert zlib.crc32(part, zlib.crc32(bytes([kind]))) == checksum, at
        whole = part if kind in (FULL, FIRST) else whole + part
        if kind in (FULL, LAST):
            yield whole


def key(item):
    return "/".join(item.nested_key) or item.key


def main():
    run, config, summary, history = {}, {}, {}, {}
    for data in records(sys.argv[1]):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        if record.HasField("run"):
            told = record.run
            run = {"id": told.run_id, "project": told.project, "group": told.run_group, "name": told.display_name}
            run["tags"] = list(told.tags)
            run["sweep"] = told.sweep_id
            config.update({key(item): json.loads(item.value_json) for item in told.config.update})
        elif record.HasField("history"):
            row = {key(item): json.loads(item.value_json) for item in record.history.item}
            history[str(row["_step"])] = row
        elif record.HasField("summary"):
            summary.update({key(item): json.loads(item.value_json) for item in record.summary.update})
    json.dump({"run": run, "config": config, "history": history, "summary": summary}, sys.stdout)


main()
