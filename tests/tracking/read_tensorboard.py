"""Prints what the event files in a folder hold, as JSON, by TensorBoard's own reader: read_tensorboard.py FOLDER.

Scalars, histograms, pictures and texts are lists of [step, value] by tag; a picture's value is its bytes in hexadecimal.
"""

import json
import sys

from google.protobuf import json_format
from tensorboard.backend.event_processing.event_accumulator import STORE_EVERYTHING_SIZE_GUIDANCE, EventAccumulator
from tensorboard.plugins.hparams import metadata
from tensorboard.util.tensor_util import make_ndarray

VALUE = {
    "scalars": lambda tensor: tensor.item(),
    "histograms": lambda tensor: tensor.tolist(),
    "images": lambda tensor: [int(side) for side in tensor[:2]] + [data.hex() for data in tensor[2:]],
    "text": lambda tensor: tensor.item().decode(),
}

events = EventAccumulator(sys.argv[1], size_guidance=STORE_EVERYTHING_SIZE_GUIDANCE)
events.Reload()
read = {plugin: {} for plugin in VALUE}
read["started"] = events.FirstEventTimestamp()
for tag in events.Tags()["tensors"]:
    told = events.SummaryMetadata(tag)
    plugin = told.plugin_data.plugin_name
    if plugin == metadata.PLUGIN_NAME:
        session = metadata.parse_session_start_info_plugin_data(told.plugin_data.content)
        read["hparams"] = json_format.MessageToDict(session)
    else:
        read[plugin][tag] = [[event.step, VALUE[plugin](make_ndarray(event.tensor_proto))] for event in events.Tensors(tag)]
json.dump(read, sys.stdout)
