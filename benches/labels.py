"""Labels without centroids, as faiss or scikit-learn users have them: scores of this program beside scikit-learn's, in one run.

usage: benches/run labels [--rounds N] [--rows N] [--dim D] [--k K] [--sample N] [--device cpu|gpu] [--data DIR] [--out FILE.json]

scikit-learn is timed without loading; the program's time is the whole process, which reads the embeddings twice: once for the
means and once for the distances to them. With the sampled silhouette it reads them a third time.
"""
import harness
import numpy as np

import indices

SCORES = "davies_bouldin,calinski_harabasz"


def with_labels(contestant):
    """Writes the labels of the made-up clustering first."""
    run = contestant.run

    def labelled(data):
        if not (data / "labels.npy").exists():
            np.save(data / "labels.npy", harness.Task(data).labels)
        return run(data)

    return harness.Contestant(labelled)


def report(args, contestants):
    harness.print_setup(args, contestants)
    rows = [
        ("this program, both scores, whole process", "program"),
        (f"this program, both and the silhouette of {args.sample} points with its error", "program silhouette"),
        ("scikit-learn davies_bouldin_score and calinski_harabasz_score", "sklearn both"),
    ]
    ours = contestants["program"].median()
    table = []
    for text, name in (row for row in rows if row[1] in contestants):
        contestant = contestants[name]
        cells = [text, f"{contestant.median():.3f}", f"{min(contestant.times()):.3f}", f"{contestant.median() / ours:.2f}"]
        table.append([*cells, harness.megabytes(contestant)])
    harness.print_table(["work", "median s", "min s", "over the program", "peak MB"], table)


def main():
    parser = harness.arguments(__doc__, rounds=3, rows=1_000_000, dim=128, k=[1000])
    parser.add_argument("--sample", type=int, default=2000)
    args = parser.parse_args()
    if args.peer:
        harness.serve_peer(indices.PEERS, args)
        return
    contestants = {"sklearn both": harness.peer(__file__, "sklearn both", args)}
    scores = ["--map", "none", "--best", "0", "--worst", "0", "--metrics"]
    program = harness.program(args, [*scores, SCORES], "davies_bouldin", "labels.npy")
    contestants["program"] = with_labels(program)
    sampled = [*scores, f"{SCORES},silhouette,silhouette_standard_error", "--silhouette", f"sample:{args.sample}", "--yes"]
    contestants["program silhouette"] = with_labels(harness.program(args, sampled, "davies_bouldin", "labels.npy"))
    harness.measure(args, contestants)
    harness.agree(contestants, 1e-4)
    report(args, contestants)
    harness.save(args, contestants)


if __name__ == "__main__":
    main()
