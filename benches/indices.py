"""Davies-Bouldin and Calinski-Harabasz: this program beside scikit-learn, in one run.

usage: benches/run indices [--rounds N] [--rows N] [--dim D] [--k K] [--device cpu|gpu] [--data DIR] [--out FILE.json]

scikit-learn is timed without loading; the program's time is the whole process, which reads the embeddings twice: once for the
means, once for the distances to them. It also computes Davies-Bouldin around the stored centroids, which scikit-learn lacks.
"""
import harness


def davies_bouldin(task):
    """davies_bouldin_score."""
    from sklearn.metrics import davies_bouldin_score

    return davies_bouldin_score(task.points, task.labels)


def both(task):
    """Both scores."""
    from sklearn.metrics import calinski_harabasz_score

    calinski_harabasz_score(task.points, task.labels)
    return davies_bouldin(task)


PEERS = {"sklearn davies_bouldin": (harness.Task.loaded, davies_bouldin), "sklearn both": (harness.Task.loaded, both)}


def report(args, contestants):
    harness.print_setup(args, contestants)
    rows = [
        ("this program, both and both kinds of Davies-Bouldin, whole process", "program"),
        ("scikit-learn davies_bouldin_score", "sklearn davies_bouldin"),
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
    args = harness.arguments(__doc__, rounds=7, rows=100_000, dim=256, k=[1000]).parse_args()
    if args.peer:
        harness.serve_peer(PEERS, args)
        return
    options = ["--levels", "1", "--metrics", "davies_bouldin,davies_bouldin_means,calinski_harabasz"]
    contestants = {name: harness.peer(__file__, name, args) for name in PEERS if name not in args.without}
    contestants["program"] = harness.program(args, options, "davies_bouldin_means")
    harness.measure(args, contestants)
    harness.agree(contestants, 1e-4)
    report(args, contestants)
    harness.save(args, contestants)


if __name__ == "__main__":
    main()
