"""Makes the pickles of this folder, and expected.json with what they hold. Run it here: python make.py

Needs NumPy (written with 2.4.6; modules are spelled as NumPy 2 does, `old_*` as NumPy 1 does).
"""

import collections
import json
import os
import pathlib
import pickle

import numpy as np

CLUSTERS = [[3, 0, 9], [], [1], [2, 4, 5, 6, 7, 8]]
NAMES = [("a/\u00e9\u6f22.png", "a \\ and\na line"), ("b.png", None), ("c\U0001f600.png", "a \\ and\na line")]


def objects(items):
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def as_numpy_1(data):
    """NumPy 1 named its modules numpy.core; the text form of protocols 0 to 3 has no lengths to correct."""
    return data.replace(b"numpy._core.", b"numpy.core.")


def main():
    arrays = [np.array(c, dtype=np.int64) for c in CLUSTERS]
    mixed = [np.array([3, 0, 9], "<i4"), np.array([]), np.array([1], "u1"), np.array([2, 4, 5, 6, 7, 8], ">u2")]
    clusters, names = {}, {}
    for protocol in range(6):
        clusters[f"arrays_p{protocol}.pkl"] = pickle.dumps(objects(arrays), protocol)
        clusters[f"mixed_p{protocol}.pkl"] = pickle.dumps(mixed, protocol)
        clusters[f"lists_p{protocol}.pkl"] = pickle.dumps(CLUSTERS, protocol)
        clusters[f"scalars_p{protocol}.pkl"] = pickle.dumps([list(np.array(c, "<i8")) for c in CLUSTERS], protocol)
        names[f"names_p{protocol}.pkl"] = pickle.dumps(NAMES, protocol)
    clusters["old_p3.pkl"] = as_numpy_1(clusters["arrays_p3.pkl"])
    clusters["old_p0.pkl"] = as_numpy_1(clusters["arrays_p0.pkl"])
    names["names_table.pkl"] = pickle.dumps(np.array(NAMES, dtype=object), 4)
    names["names_scalars.pkl"] = pickle.dumps([(np.str_(p), c) for p, c in NAMES], 4)

    hostile = {
        "calls_os_system.pkl": b"cos\nsystem\n(V echo owned\ntR.",
        "calls_os_system_p4.pkl": b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93\x8c\x04true\x85R.",
        "huge_length.pkl": b"\x80\x04]\x8e" + (1 << 60).to_bytes(8, "little") + b"abc.",
        "dictionary.pkl": pickle.dumps({"sorted_clusters": CLUSTERS}, 4),
        "class.pkl": pickle.dumps(collections.OrderedDict(), 4),
        "holds_itself.pkl": b"\x80\x04]\x94h\x00a.",
        "negative.pkl": pickle.dumps([[0, 1], [2, -3]], 4),
        "half.pkl": pickle.dumps([np.array([0.0, 1.0]), np.array([2.0, 3.0, 2.5])], 4),
        "nan.pkl": pickle.dumps([np.array([0.0, np.nan])], 4),
        "too_large.pkl": pickle.dumps([[1 << 63]], 4),
        "too_large_array.pkl": pickle.dumps([np.array([0, 1 << 63], "u8")], 4),
        "matrix_member.pkl": pickle.dumps([np.zeros((2, 2), "i8")], 4),
        "numbers.pkl": pickle.dumps([1, 2, 3], 4),
        "tuple.pkl": pickle.dumps((CLUSTERS, CLUSTERS), 4),
        "float_list.pkl": pickle.dumps([[1.0]], 4),
        "trailing.pkl": pickle.dumps(CLUSTERS, 4) + b"x",
        "truncated.pkl": pickle.dumps(CLUSTERS, 4)[:-3],
        "empty.pkl": b"",
    }
    two = [["a.png", "one"], ["\u6f22.png", "two"]]
    first, second = np.array([5, 6]), [7]
    other = {
        "repeated.pkl": pickle.dumps([first, second, first, np.array([8]), second], 4),
        "names_cells.pkl": pickle.dumps(np.array([p for p, _ in two]), 4),
        "names_cells_fortran.pkl": pickle.dumps(np.asfortranarray(np.array(two, ">U5")), 2),
        "names_column.pkl": pickle.dumps(np.array([[p] for p, _ in two], dtype=object), 3),
        "names_numbered.pkl": pickle.dumps([("a.png", 0), ("\u6f22.png", np.int32(7))], 4),
        "names_of_paths.pkl": pickle.dumps([pathlib.PurePosixPath("a.png")], 4),
        "names_triples.pkl": pickle.dumps([("a.png", "b", "c")], 4),
        "names_surrogate.pkl": pickle.dumps(["\udc80.png"], 4),
    }
    for group in (clusters, names, hostile, other):
        for name, data in group.items():
            with open(name, "wb") as file:
                file.write(data)
    np.save("matrix.npy", np.arange(6).reshape(3, 2))
    np.save("matrix_fortran.npy", np.asfortranarray(np.arange(6).reshape(3, 2)))
    np.save("names_u.npy", np.array([n[0] for n in NAMES]))
    np.save("names_s.npy", np.array([["x", "1"], ["yy", "22"]], dtype="S2"))
    expected = {
        "clusters": CLUSTERS,
        "cluster_files": sorted(clusters),
        "names": NAMES,
        "name_files": sorted(names),
        "hostile_files": sorted(hostile),
    }
    with open("expected.json", "w") as file:
        json.dump(expected, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    main()
