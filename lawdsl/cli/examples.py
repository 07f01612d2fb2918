"""The examples that end each command's help: what for, and the line. A test runs every one, in the order given here.

They go together: what `fit` writes in its examples is what those of `predict`, `ask` and the others read.
"""

from __future__ import annotations

#: command -> (what for, the line)
EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "list": (
        ("every law on quantization", "lawdsl list --topic quantization"),
        ("those that know bits, and whose constants were read in the paper",
         "lawdsl list --variable bits --status published"),
    ),
    "show": (
        ("a law of the library, with its curves", "lawdsl show chinchilla --plot"),
        ("its equation for a paper", "lawdsl show qid --latex"),
    ),
    "cite": (("the papers of two laws", "lawdsl cite qid chinchilla"),),
    "new": (
        ("a law of your own that begins as a copy of another", "lawdsl new mine --from qid"),
        ("from its parts; without them, and on a terminal, it asks",
         "lawdsl new lr --response 'L=nats/token' --variable 'N=total parameters' --variable 'D=tokens'"),
    ),
    "check": (
        ("a file of yours", "lawdsl check mine.yaml"),
        ("a law's published numbers, computed again", "lawdsl check chinchilla --published"),
    ),
    "explain": (("what a code of a message means", "lawdsl explain LAW020"), ("all of them", "lawdsl explain")),
    "schema": (("for an editor with a YAML language server", "lawdsl schema > law.schema.json"),),
    "fit": (
        ("a law to its own table, quickly", "lawdsl fit chinchilla --method map -o chinchilla.nc"),
        ("with the posterior itself", "lawdsl fit chinchilla --draws 300 -o posterior.nc"),
        ("to your table, whose columns have names of their own",
         "lawdsl fit chinchilla --data runs.csv --map N=n_params,D=n_tokens,L=loss --method map -o mine.nc"),
    ),
    "sweep": (
        ("two laws to their own tables",
         "lawdsl sweep chinchilla qid --method map --on here --out fits"),
    ),
    "predict": (
        ("the loss at one point", "lawdsl predict chinchilla.nc --at N=70B,D=1.4T"),
        ("two points, 80 % intervals, for another program",
         "lawdsl predict chinchilla.nc --at N=7B,D=1T --at N=70B,D=1T --level 0.8 --json"),
    ),
    "ask": (
        ("what can be asked", "lawdsl ask chinchilla.nc"),
        ("the best model for a budget", "lawdsl ask chinchilla.nc optimum --given C=5.76e23"),
    ),
    "design": (
        ("which runs would tell most of a large one",
         "lawdsl design chinchilla.nc --at N=70B,D=1.4T --candidates N=1B..10B:3,D=20B..300B:3 --budget 1e22"),
    ),
    "plan": (("how to spend a budget", "lawdsl plan chinchilla.nc --budget 1e21 --target 2.7"),),
    "diff": (("two fits", "lawdsl diff chinchilla.nc mine.nc"),),
    "rerun": (("whether a fit comes out the same here", "lawdsl rerun chinchilla.nc"),),
    "lock": (("what a fit rests on", "lawdsl lock chinchilla.nc -o lawdsl.lock"),),
    "verify": (("whether it still does", "lawdsl verify lawdsl.lock"),),
    "backtest": (
        ("how forecasts of a law fare", "lawdsl backtest chinchilla --cuts 1e13 --alone"),
        ("of a fit, written into its file", "lawdsl backtest chinchilla.nc --cuts 1e13 --alone"),
    ),
    "calibrate": (
        ("whether fits of a law can be believed", "lawdsl calibrate chinchilla --replicates 200 --store ranks.jsonl"),
    ),
    "identify": (("what a table can tell of a law", "lawdsl identify chinchilla --data ladder-loss"),),
    "compare": (
        ("two fits to the same rows, and their average", "lawdsl compare chinchilla.nc mine.nc --at N=70B,D=1.4T"),
    ),
    "measure": (
        ("what there is to do, and what it takes", "lawdsl measure plan.yaml --dry-run"),
        ("do it; the same line goes on after a stop", "lawdsl measure plan.yaml"),
        ("the formats that a plan may name", "lawdsl measure --formats"),
    ),
    "bound": (
        ("a checkpoint at 4 bits",
         "lawdsl bound checkpoint --corpus sample=corpus.jsonl --format rtn-4b-g32-asym --tokens 2M"),
    ),
    "data": (("what there is", "lawdsl data list"),),
    "data list": (("every table", "lawdsl data list"),),
    "data show": (("one of them: columns, licence, origin", "lawdsl data show ladder-qid"),),
    "data get": (("a copy of it as CSV", "lawdsl data get ladder-loss -o ladder.csv"),),
    "data import": (("what lm-eval wrote, as rows", "lawdsl data import lm-eval-output -o evaluations.csv"),),
    "report": (
        ("a page to pass around", "lawdsl report chinchilla.nc -o chinchilla.html"),
        ("two fits side by side", "lawdsl report chinchilla.nc mine.nc -o both.html"),
        ("a paper's methods section", "lawdsl report chinchilla.nc --methods -o methods.tex"),
    ),
    "completion": (
        ("in ~/.bashrc", 'eval "$(lawdsl completion bash)"'),
        ("in ~/.zshrc", 'eval "$(lawdsl completion zsh)"'),
        ("once, for fish", "lawdsl completion fish > ~/.config/fish/completions/lawdsl.fish"),
    ),
}  # fmt: skip
