"""The table in Markdown, made from the same result that is saved as JSON."""

from __future__ import annotations

SOFTWARE = "software rasterizer: not a GPU's time"
HEADER = (
    "work",
    "GPU, s",
    "CPU backend, s",
    "peers on the same card, s",
    "rate against the floor",
    "device",
    "driver",
    "date",
    "commit",
)


def number(value):
    """Three digits, without an exponent."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".") if value >= 1e-4 else f"{value:.6f}"


def cell(seen):
    """Seconds of a device, or why there are none."""
    if "not_measured" in seen:
        return f"({SOFTWARE})" if seen["not_measured"] == SOFTWARE else f"not measured: {seen['not_measured']}"
    return f"{number(seen['seconds'])} (process {number(seen['process'])})"


def peers_cell(peers):
    """The peers of a row; those that were not measured for the same reason share it."""
    texts, silent = [], {}
    for name, seen in peers.items():
        if "not_measured" in seen:
            silent.setdefault(seen["not_measured"], []).append(name)
            continue
        wrong = seen.get("wrong_winners", 0)
        texts.append(f"{name} {number(seen['seconds'])}" + (f" ({wrong:.2%} of winners wrong)" if wrong else ""))
    for reason, names in silent.items():
        if names == ["none"]:
            return f"({reason})"
        texts.append(f"not measured: {reason}" if len(names) == len(peers) else f"{', '.join(names)}: not measured: {reason}")
    return "; ".join(texts)


def against(row, floors):
    """The rate of the GPU, else of the CPU backend, and its share of the floor."""
    of_gpu = "rate" in row["gpu"]
    seen = row["gpu"] if of_gpu else row["cpu"]
    if "rate" not in seen:
        return "not measured"
    names = {
        ("read", True): ("copy from pinned memory", "plain read of the file"),
        ("read", False): ("plain read of the file",),
        ("product", True): ("torch matmul float32",),
        ("product", False): (),
    }[row["floor"], of_gpu]
    small = row["unit"] == "TFLOP/s" and seen["rate"] < 0.1
    rate = f"{number(seen['rate'] * 1000)} GFLOP/s" if small else f"{number(seen['rate'])} {row['unit']}"
    text = rate if of_gpu else f"CPU backend: {rate}"
    for name in names:
        if "rate" in floors.get(name, {}):
            return f"{text}, {seen['rate'] / floors[name]['rate']:.0%} of {name}"
    return f"{text}; floor not measured" if of_gpu or names else text


def verdict(seen):
    """Outcome of stored values or of `check`, as a cell."""
    if "not_measured" in seen:
        return f"not measured: {seen['not_measured']}"
    if "passed" in seen:
        return f"{seen['passed']} of {seen['checks']} checks pass, worst error {seen['worst']:.0%} of what is allowed"
    if seen["off"]:
        return f"**{seen['off']} of {seen['compared']:,} values differ**: {seen['first'][0]}"
    return f"{seen['compared']:,} values agree"


def line(cells):
    return "| " + " | ".join(str(text).replace("|", "/") for text in cells) + " |"


def lines(header, rows):
    """A table."""
    return [line(header), "|" + "---|" * len(header), *(line(row) for row in rows), ""]


def title(device):
    """Name of the device, also for a file."""
    if "name" in device:
        return device["name"]
    return "no GPU" if device["not_measured"].startswith("no usable GPU") else "unknown device"


def head(result):
    """What ran, where and when."""
    device, host = result["device"], result["host"]
    if "not_measured" in device:
        name = f"not measured: {device['not_measured']}"
    else:
        name = f"{device['name']} [{device['api']}, {device['driver']}]" + (
            ", a software rasterizer" if device["kind"] == "software" else ""
        )
    python = ", ".join([f"Python {host['python']}"] + [f"{p} {host[p]}" for p in ("numpy", "torch", "triton") if host[p]])
    yield f"# {result['date']}: {title(device)}" + (", a dry run" if result["small"] else "")
    yield ""
    if result["small"]:
        yield "**A dry run on tiny data: it shows that every step works. None of its times is a measure of speed.**"
        yield ""
    yield f"- Device: {name}"
    yield f"- CPU: {host['processor']}, {host['threads']} threads, {host['memory_gb']} GB, {host['system']}"
    yield f"- Program: clustrata {result['version']}, commit {result['commit']}; {python}"
    yield f"- Card of the peers: {result['card'] or 'none'}"
    yield f"- Data: {result['data'].get('not_measured', result['data'].get('text'))}"
    for name, floor in result["floors"].items():
        text = f"{number(floor['rate'])} {floor['unit']}" if "rate" in floor else f"not measured: {floor['not_measured']}"
        yield f"- Floor, {name}: {text}"
    asked = " ".join(["script/gpu-bench run", *result["options"]])
    yield f"- Command: `{asked}`, ended after {result['seconds']:.0f} s of {result['minutes'] * 60:.0f} s" + (
        "" if result["complete"] else " (**incomplete**)"
    )
    yield ""


def markdown(result):
    """The whole page."""
    text = list(head(result))
    rows = [
        [
            row["work"],
            cell(row["gpu"]),
            cell(row["cpu"]),
            peers_cell(row["peers"]),
            against(row, result["floors"]),
            row["device"],
            row["driver"],
            row["date"],
            row["commit"],
        ]
        for row in result["rows"]
    ]
    text += lines(HEADER, rows)
    text += LEGEND.strip().splitlines() + ["", "## Is it right?", ""]
    checks = {
        "`clustrata check`": result["check"],
        **{f"stored values, {name}": seen for name, seen in result["stored"].items()},
    }
    nothing = {"not_measured": "not asked for"}
    text += lines(
        ("", "GPU" if result["device"].get("kind") != "software" else "software rasterizer", "CPU backend"),
        [[name, verdict(seen.get("gpu", nothing)), verdict(seen.get("cpu", nothing))] for name, seen in checks.items()],
    )
    text += [f"- **{failure}**" for failure in result["failures"]] or ["No value is wrong, and no step failed."]
    text += ["", "## Tuning", ""]
    tune = result["tune"]
    text += [f"Not measured: {tune['not_measured']}."] if "not_measured" in tune else ["```", tune["table"].rstrip(), "```"]
    return "\n".join(text) + "\n"


LEGEND = """
Seconds are those of the stage: one pass with reading and upload (own distances, search), start and iterations (k-means), all
pairs (silhouette); the median of up to three runs. "process" is the whole process from start to exit, files included. Peers
have the points on the card before the clock starts. Operations: 2 n d k of a search and of an iteration of k-means, whether or
not bounds spare some of them; n² d of a silhouette.
"""
