"""Run the code cells of a notebook in order, as Jupyter does: the last expression of a cell is its output.

usage: run_cells.py NOTEBOOK.ipynb

Prints how many cells ran, how many had an output, and how many of these have a stored output in the notebook.
"""
import ast
import json
import sys


def run(cell, scope):
    """Run a cell; return whether it has an output."""
    tree = ast.parse("".join(cell["source"]))
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), scope)
    return last is not None and eval(compile(ast.Expression(last.value), "cell", "eval"), scope) is not None


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        cells = [cell for cell in json.load(file)["cells"] if cell["cell_type"] == "code"]
    scope = {"__name__": "__main__"}
    shown = [run(cell, scope) for cell in cells]
    stored = sum(bool(cell["outputs"]) for cell, shown in zip(cells, shown) if shown)
    print(f"cells ran: {len(cells)}, with output: {sum(shown)}, stored: {stored}")


if __name__ == "__main__":
    main()
