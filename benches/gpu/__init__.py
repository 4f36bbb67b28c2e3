"""The parts of script/gpu-bench."""
