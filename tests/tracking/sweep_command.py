"""Prints, as a JSON list, the command that a W&B agent runs for a sweep: sweep_command.py SWEEP.yaml PARAMETERS.json.

PARAMETERS.json holds the values that the sweep chose, by name; it stands for the file that the agent writes.
"""

import json
import sys

import yaml
from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args

with open(sys.argv[1], encoding="utf-8") as file:
    sweep = yaml.safe_load(file)
with open(sys.argv[2], encoding="utf-8") as file:
    chosen = json.load(file)
unknown = set(chosen) ^ set(sweep["parameters"])
assert not unknown, unknown

macros = create_sweep_command_args({"args": {name: {"value": value} for name, value in chosen.items()}})
macros["args_json_file"] = [sys.argv[2]]
words = []
for word in create_sweep_command(sweep["command"]):
    word = str(word)
    words += macros[word[2:-1]] if word.startswith("${") and word.endswith("}") else [word]
json.dump(words, sys.stdout)
