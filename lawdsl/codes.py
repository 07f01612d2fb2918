"""Every error code, with what it means and how to mend it: what `lawdsl explain CODE` prints.

A code keeps its meaning for good. LAW: law files. TAB: tables and the catalogue. ASK: points, questions, options.
FIT: fits and their files. ENV: what is installed.
MEA: measuring.
"""

from __future__ import annotations

#: code -> (title, text)
CODES: dict[str, tuple[str, str]] = {
    "LAW001": (
        "a law file cannot be read",
        "The path does not lead to a readable file. Laws of the library are named without a path: lawdsl show qid.",
    ),
    "LAW002": (
        "a law file is too large or too deep",
        "A law is ten to forty lines; the reader takes at most 128 KiB, 8,192 entries and 16 levels of nesting, "
        "so that no file can exhaust it. Observations belong in a table, long expressions under `let`.",
    ),
    "LAW003": (
        "a law file is not UTF-8 text",
        "Save it as UTF-8. The fault names the line of the first byte that is not.",
    ),
    "LAW004": (
        "not YAML",
        "The place is where YAML's grammar ended. Usual causes: a text with ': ' or ' #' in it without quotes, "
        "a bracket left open, tabs for indentation, a second document (---) in the file. The reader stops at "
        "this fault, since what follows it cannot be placed.",
    ),
    "LAW005": ("a key twice", "YAML keeps the last of two equal keys in silence, so lawdsl refuses them. Delete one."),
    "LAW006": (
        "an anchor, alias or tag",
        "& and * and ! are not part of the language: aliases can unfold without end, and tags ask for code. "
        "Write the value out. The reader stops at this fault, since what follows it cannot be placed.",
    ),
    "LAW007": (
        "not a mapping",
        "A law file is a mapping that begins with 'law: name'. `lawdsl schema` prints its form.",
    ),
    "LAW008": ("an unknown key", "The message lists the keys of this place and the nearest one."),
    "LAW009": ("a key is missing", "Every law has law, variables, response, parameters, equation and noise."),
    "LAW010": (
        "not an expression",
        "Expressions have Python's grammar on one line, with ^ for power. The place is where it broke: an "
        "operator without its other side, a bracket left open, two names side by side.",
    ),
    "LAW011": (
        "a construct outside the language",
        "An expression has numbers, names, + - * / ^, parentheses, comparisons inside where(...), and calls of "
        "the closed table of functions. Nothing in it is ever run, so attributes, subscripts, texts and "
        "anything else of Python's are refused.",
    ),
    "LAW012": (
        "an unknown function",
        "Only the closed table can be called: exp log log2 log10 sqrt abs min max where softplus sigmoid tanh "
        "erf gamma loggamma lambertw. A name of the law's own cannot be called.",
    ),
    "LAW013": ("a wrong number of arguments", "The message says how many the function, or the prior, takes."),
    "LAW014": (
        "an expression is too long or too deep",
        "At most 4,000 characters and 100 levels. Name its parts under `let` and use the names.",
    ),
    "LAW015": (
        "a number is too large or too small",
        "Magnitudes lie between 1e-150 and 1e150, so that squares stay finite.",
    ),
    "LAW016": (
        "a value of the wrong form",
        "A text, a list or a mapping stands where another of the three is expected.",
    ),
    "LAW017": (
        "not a number",
        "Numbers are written 0.5, 1e24, 7B or 100T; a published one may carry its error: 0.35 ± 0.02.",
    ),
    "LAW018": ("not one of the choices", "The message lists what may stand here."),
    "LAW019": (
        "not a name",
        "Names have letters (Greek too), digits and _, begin with a letter, and are at most 64 long; a law's "
        "own name may also have -.",
    ),
    "LAW020": (
        "an unknown name in an expression",
        "Every name must be a variable, a parameter, a `let` or, in a question, one that is `given`. The "
        "message lists what is known and the nearest name.",
    ),
    "LAW021": (
        "a name declared twice",
        "Variables, parameters, lets, factors and the response share one space of names.",
    ),
    "LAW022": (
        "a name that rests on itself",
        "A `let`, derived variable or tie leads back to itself. Break the circle.",
    ),
    "LAW023": (
        "a name that changes nothing",
        "A parameter or `let` that neither the equation nor the noise uses: a misspelling, or a leftover. A fit "
        "would only return its prior.",
    ),
    "LAW024": (
        "an unknown unit or kind",
        "Units are a closed list (parameters, tokens, FLOP, nats/token, ...). Parameters have a kind: total, "
        "non-embedding, active, non-zero; tokens: seen, unique.",
    ),
    "LAW025": (
        "a prior at fault",
        "A parameter has exactly one of prior, between, fixed, tied (an effect may have center instead). A "
        "prior is a family with numbers, such as LogNormal(log(0.3), 0.5); scales and rates are positive.",
    ),
    "LAW026": ("bounds or an interval at fault", "Write [low, high] with low below high, inside the prior's support."),
    "LAW027": (
        "noise at fault",
        "Families are normal, student-t, laplace, huber and lognormal; `df` goes with student-t, `delta` with "
        "huber, and lognormal is always on the log.",
    ),
    "LAW028": (
        "an equation at fault",
        "The equation reads `response = expression`, with the one declared response on the left and at least "
        "one variable on the right.",
    ),
    "LAW029": (
        "a question at fault",
        "A question has one of value, solve (with for), minimize or maximize (with over). What is `given` "
        "cannot be sought.",
    ),
    "LAW030": (
        "a published set at fault",
        "A set gives numbers to parameters that are neither tied nor unknown, inside their support; grouped "
        "ones by level.",
    ),
    "LAW031": (
        "a check at fault",
        "A check names a set, a point, the numbers to expect and a tolerance (rel or abs). Lists in it go "
        "together and have one length.",
    ),
    "LAW032": ("a data block at fault", "`map` and `units` name variables, factors, the response or the error column."),
    "LAW033": (
        "a used law at fault",
        "`use: {L16: chinchilla}` needs a law that is good itself, whose variables are names here (or are given "
        "under `variables`), and that does not lead back to this one.",
    ),
    "LAW034": ("a factor, or `by`, at fault", "`by` names declared factors; center and spread go with pool: partial."),
    "LAW035": ("an order at fault", "order: [d1, d2] names free parameters without `by`, each once."),
    "LAW036": (
        "a constant without a finite value",
        "A part without names, such as 9^9^9^9 or log(0), overflows or is undefined.",
    ),
    "LAW037": (
        "a law too large once written out",
        "Lets that use lets double in size each time. At most 20,000 operations and 200 levels in all.",
    ),
    "LAW038": ("no such law", "Give a path ending in .yaml, or a name of the library (`lawdsl list`)."),
    "LAW041": (
        "an index at fault",
        "index: {i: 3, part: [web, code]} declares indices; c[i]: {...} declares c_1, c_2, c_3; sum(i, c[i]*x[i]) and "
        "prod(i, ...) run over them. An index has a value below a key that names it and inside sum and prod.",
    ),
    "LAW042": (
        "a sequence at fault",
        "sequence: {along: run, by: step} says which rows follow each other, so that cumsum, previous and recur can "
        "look along a run and noise can be correlated. `along` is a factor, `by` a variable. What is looked at so has "
        "no known errors (`error`), and is no unknown of a `root`.",
    ),
    "LAW043": (
        "a design to simulate at fault",
        "simulate: {set: S, with: {sigma: 0.02}, grid: {N: [1B, 7B], D: [20B, 200B]}} names every column and parameter "
        "that the law's rows need; `columns` are expressions of the grid's names.",
    ),
    "LAW039": (
        "a published number does not come out",
        "`lawdsl check --published` computed the number from the set's constants and found another. Either a "
        "constant, the equation or the expected number is mistyped, or the paper disagrees with itself: then "
        "say so in the set's about.",
    ),
    "TAB001": ("a table cannot be read", "Check the path. A name without a path is looked for in the catalogue."),
    "TAB002": (
        "a form of table that is not read",
        "Tables are .csv, .tsv, .parquet, .jsonl files, folders of JSON rows, or data frames.",
    ),
    "TAB003": ("a table without rows", "The first line of a CSV is its header; below it no row was found."),
    "TAB004": (
        "a table that does not parse",
        "A row with more or fewer cells than the header, a column named twice, bytes that are no text.",
    ),
    "TAB005": (
        "no column for a name of the law",
        "A name finds its column by --map, by its own name, or by the law's own map. --map N=n_params says "
        "which it is.",
    ),
    "TAB006": ("a cell that is no number", "The message gives row and column. Numbers are 0.5, 1e24, 7B or 100T."),
    "TAB007": (
        "missing values",
        "Rows with gaps are refused unless --drop-missing says to drop them; they are counted.",
    ),
    "TAB008": (
        "a value outside its domain",
        "Sizes and counts are positive, and so are responses whose noise is on the log. Filter the rows out "
        "with --where, or mend them.",
    ),
    "TAB009": (
        "a unit or kind that does not convert",
        "Total parameters are not non-embedding ones, and loss per token is not loss per byte: no factor turns "
        "one into the other. Map another column, or an expression that makes the right quantity; an expression "
        "is taken to be in the law's unit.",
    ),
    "TAB010": (
        "a map at fault",
        "--map NAME=COLUMN, or an expression over columns: --map 'D=train_flop/(6*n_params)'.",
    ),
    "TAB011": ("a filter at fault", "--where compares columns: bits < 5 and scheme == 'rtn'."),
    "TAB012": ("an unknown level of a factor", "The law lists the factor's levels, and this is none of them."),
    "TAB013": (
        "a table too large",
        "Limits on bytes, columns and levels keep a stranger's file from filling the memory.",
    ),
    "TAB014": ("no row is left", "The filter, or dropping rows with gaps, left nothing to fit."),
    "TAB015": (
        "not a table",
        "Give a path, a catalogue id, an Arrow, pandas or polars table, or a mapping of columns.",
    ),
    "TAB016": ("no table was named", "The law has no `data` block: name a table with --data."),
    "TAB101": ("no such table in the catalogue", "`lawdsl data list` prints the ids."),
    "TAB102": (
        "a table cannot be downloaded",
        "The message has the address. Fetch it on a connected machine and name its folder in LAWDSL_DATA.",
    ),
    "TAB103": (
        "a download is not the catalogue's file",
        "Its sha256 differs: the origin has changed, or the transfer was cut.",
    ),
    "TAB104": (
        "a table that you bring",
        "It has no single file to fetch. The message cites repository, commit and path; put the file in a "
        "folder and name that folder in LAWDSL_DATA.",
    ),
    "TAB105": ("an origin file of another form", "Its columns are not those the catalogue knows how to read."),
    "TAB106": ("LAWDSL_DATA is not a folder", "Name a folder of tables, or unset it."),
    "TAB107": (
        "a table cannot be read or written there",
        "Check the path and its rights; tidy tables are written as .csv.",
    ),
    "TAB120": (
        "no results of an evaluation",
        "`lawdsl data import` reads lm-eval's output folders (results_*.json) and logs of llama.cpp's perplexity "
        "(*.log).",
    ),
    "TAB121": (
        "results of lm-eval at fault",
        "A results file is JSON with `results`: a mapping of tasks to scores, as lm-eval 0.3 and 0.4 write it. The "
        "message names the place in it.",
    ),
    "TAB122": (
        "a log of llama.cpp at fault",
        "A log is what llama-perplexity prints, its standard error included, up to `Final estimate: PPL = ... +/- ...` "
        "or the statistics of --kl-divergence.",
    ),
    "ASK001": ("a number is missing", "Every variable of the law needs one: --at N=70B,D=100T,P=4."),
    "ASK002": ("a name that cannot be given", "It is no variable or factor here, or follows from others."),
    "ASK003": ("no such published set", "`lawdsl show LAW` prints the sets."),
    "ASK004": (
        "an unknown level",
        "A parameter with a value per level was asked for a level it has not seen. With pool: partial it would "
        "be drawn from the population.",
    ),
    "ASK005": (
        "a question that cannot be set up",
        "A constraint cannot be solved for an unknown, or too many are left free.",
    ),
    "ASK006": (
        "no closed form",
        "The question was asked for its closed form, and has none; the numeric route answers it.",
    ),
    "ASK007": ("a number at fault", "It is not a number, or outside the variable's domain."),
    "ASK008": ("a level at fault", "An interval's probability lies between 0 and 1: --level 0.9."),
    "ASK009": ("no such question", "`lawdsl ask FIT` lists what can be asked."),
    "ASK010": ("no such code", "`lawdsl explain` lists them."),
    "ASK011": ("not NAME=VALUE", "Write --at N=70B,D=100T; quote the whole where a value holds blanks."),
    "ASK012": ("points or a table", "`lawdsl predict` takes points (--at) or a table (--table), one of the two."),
    "ASK013": ("a table or a simulation", "`lawdsl fit --simulate` fits rows simulated by the law's own design."),
    "ASK014": (
        "points of a run out of order",
        "A law with a sequence looks along each run: give a run's points together, in the order of its steps.",
    ),
    "ASK015": (
        "a frontier or cut at fault",
        "A frontier is an expression of the law's variables, positive at every row, and cuts leave rows on both sides.",
    ),
    "ASK016": (
        "no such topic, status or variable",
        "`lawdsl list` filters by topics and statuses of a closed list, and by the names and units of the library's "
        "variables.",
    ),
    "ASK017": (
        "a law without a source to cite",
        "`lawdsl cite` makes BibTeX of the law's `source`: arxiv, title, authors, year, venue. A law of your own has "
        "one once it is written down somewhere.",
    ),
    "ASK018": (
        "points in a form that is not read",
        "Points are a mapping of names to numbers, texts, ranges or columns of one length; several of these; or a "
        "frame, table or path whose rows they are.",
    ),
    "ASK030": (
        "a run without a cost",
        "Designs and plans weigh runs by what they cost: the law's derived variable in FLOP, or 6*N*D of its "
        "parameters and tokens. Where it has neither, --cost gives an expression of its variables.",
    ),
    "ASK031": (
        "points of a law of runs",
        "A law with a sequence predicts whole runs; its points do not stand alone, and designs and plans need such.",
    ),
    "ASK032": (
        "no number to shrink the interval of",
        "A design is for one number: an answer of a question (--question optimum.N --given C=1e24) or the response at "
        "a point (--at N=70B,D=1.4T), with an interval, so of a fit by nuts, map or bootstrap.",
    ),
    "ASK033": (
        "candidates at fault",
        "Runs are a grid, N=10M..10B:5,D=1B/10B/100B (ranges by equal factors, bits and the like by equal steps), or a "
        "table with the law's variables; at most 2,000, each with a positive cost.",
    ),
    "ASK034": (
        "a plan that cannot be made",
        "A budget is spent on two variables of the law or more (--over N,D), with all others given (--at P=4), from a "
        "fit with draws. --inference needs a variable of model size, --unique one of unique tokens.",
    ),
    "ASK035": (
        "a law that a page cannot compute",
        "A page computes a law by functions written from its operations. It does not seek roots of what looks along a "
        "run (cumsum, previous, recur): use `lawdsl predict` and `lawdsl ask`, which do.",
    ),
    "ASK080": ("two fits of different responses", "A page of two fits compares their predictions of one response."),
    "ASK081": ("one fit or two", "`lawdsl report` takes a fit file, or two to see side by side."),
    "ASK060": ("a picture of another kind", "Pictures are .png, .svg or .pdf, by the ending of their name."),
    "ASK061": (
        "nothing to draw",
        "The fit, or its law, lacks what this picture shows: a constant of that name, replicates of the rows, a "
        "variable of bits, a budget to spend.",
    ),
    "ASK082": (
        "a report in a form that it cannot have",
        "--methods is LaTeX about one fit: its --out ends in .tex. --md is Markdown about one fit, into a file that "
        "ends in .md.",
    ),
    "ASK090": ("no such command", "`lawdsl --help` lists the commands."),
    "ASK091": (
        "a command line that cannot be read",
        "An option that the command does not have, a value that is missing or none of an option's values, or one "
        "argument too many. `lawdsl COMMAND --help` lists the options and has examples.",
    ),
    "ASK092": ("not a whole number", "Whole numbers may be written 1000, 1K or 1e3; the message gives the range."),
    "ASK093": (
        "a file that cannot be written so",
        "A folder stands where a file is to be written, or the ending of its name is that of no format.",
    ),
    "ASK094": ("the system refused", "A path, its rights, the space on the disk: the message is the system's own."),
    "ASK095": ("not enough memory", "Take fewer rows, points, chains or draws, or a machine with more memory."),
    "ASK096": (
        "a law that cannot be begun",
        "`lawdsl new NAME` asks on a terminal. Elsewhere it is told: --from LAW, or --response L=nats/token and "
        "--variable 'N=total parameters' for each variable. It never writes over a file.",
    ),
    "FIT001": ("a file cannot be written", "Check the folder's rights and space, or choose another place."),
    "FIT002": ("no such fit file", "`lawdsl fit` prints the path of the file it wrote."),
    "FIT003": (
        "not a fit file",
        "The file is cut short, damaged, of another format, or was edited. Opening a fit runs no code of it; "
        "the law inside is checked like any other.",
    ),
    "FIT010": ("no such method", "Methods are nuts, map, huber and bootstrap."),
    "FIT011": ("settings at fault", "Seeds are zero or more; chains 1 to 64; draws at least 4."),
    "FIT012": ("a bound is not fitted", "Laws of status bound are evaluated and checked."),
    "FIT013": (
        "no start with a finite density",
        "At none of the starts drawn from the prior did the law have a value for every row. Units that are off "
        "by a billion, and a log of something negative, are the usual causes.",
    ),
    "FIT014": (
        "bounds that leave nothing of a prior",
        "Draws of the prior all fell outside the bounds, or outside the order. Move the prior, or widen the bounds.",
    ),
    "FIT015": (
        "nothing to simulate from",
        "simulate: in the law file gives a design and the constants; `lawdsl explain LAW043` says how.",
    ),
    "FIT020": (
        "the engine cannot be imported",
        "Another package called `fitting` hides it, or the installation is broken.",
    ),
    "FIT030": (
        "a job of a sweep killed its worker",
        "The process that fitted it died three times, mostly for want of memory. The other jobs are done, and are not "
        "done again where the sweep has a store.",
    ),
    "FIT031": (
        "not a store of a sweep of fits",
        "The file has lines that no sweep wrote. A last line that was never finished is no fault: its job is done "
        "again.",
    ),
    "FIT032": (
        "another run is at work on this store",
        "One run at a time appends to a store. The lock is the system's, and ends with the process that holds it.",
    ),
    "FIT033": (
        "no such place to run on",
        "Sweeps of fits run on `local` (processes of this machine), `here` (one process), `ray` or `ray:HOST:PORT`.",
    ),
    "FIT034": (
        "a store of a sweep of fits cannot be written",
        "The disk is full, or the folder may not be written to. Finished jobs are whole; the same command goes on.",
    ),
    "FIT035": (
        "a prior that makes no possible rows",
        "Calibration draws constants from the prior and simulates rows. Where none of thousands of draws gives rows "
        "that are finite and that the noise can have, the priors are too wide to mean anything.",
    ),
    "FIT040": (
        "no cut of a backtest could be fitted",
        "Below every cut the law found no finite density: cut higher, or give narrower priors.",
    ),
    "FIT041": ("a point fit is not backtested", "Backtest its law: the point fit and its bootstraps stand beside."),
    "FIT051": ("nothing to compare with", "`lawdsl compare` takes two laws or fit files, or more."),
    "FIT052": (
        "fits to different rows",
        "Scores can be compared only on the same observations, in the same unit. Give one --data and one --where.",
    ),
    "FIT053": ("a point fit has no density", "Compare fits of the methods nuts and map."),
    "FIT054": (
        "no such frontier",
        "It is a variable of one of the laws, or an expression of variables: --frontier C, --frontier 6*N*D.",
    ),
    "FIT055": ("a map of a name that no law has", "--map NAME=COLUMN, where NAME is a variable, response or factor."),
    "FIT070": (
        "not a lock, or not a file of constants",
        "`lawdsl lock` writes locks; they are YAML of one form. Constants are YAML or JSON, a mapping of names to "
        "numbers: --constants params.yaml#scaling.chinchilla looks below two keys.",
    ),
    "FIT071": (
        "a lock that would not hold from the start",
        "The law or the rows, as they are now and are bound here, are not those of the fit. Say what `lawdsl fit` was "
        "told, or fit again.",
    ),
    "FIT072": ("another fit file", "Its sha256 is not that in the lock: it was fitted again, or damaged."),
    "FIT073": (
        "a law that has changed",
        "The digest is of the law's canonical text, so comments and layout do not count; titles and checks do.",
    ),
    "FIT074": (
        "rows that have changed",
        "The digest is of the rows as they are bound to the law: numbers in its units, levels, and their order.",
    ),
    "FIT075": (
        "a constant that is not the fit's",
        "It lies more than --within standard deviations from the locked value: it was typed from another fit, rounded "
        "too far, or, with --refit, the fit does not come out again.",
    ),
    "ENV001": (
        "a library for frames is not installed",
        "Results become pandas or polars frames where these are installed: pip install pandas, or pip install polars. "
        "Neither is needed for anything else.",
    ),
    "FIT090": (
        "no browser to print with",
        "`lawdsl report --pdf` prints the page by Chromium, Chrome or Edge: one on PATH, or the one that "
        "LAWDSL_BROWSER names. Any browser opens the page itself, and prints it by hand.",
    ),
    "FIT091": (
        "a browser that printed nothing",
        "The message is the browser's own. LAWDSL_BROWSER names another; any browser prints the page by hand.",
    ),
    "MEA001": ("a plan cannot be read", "The path does not lead to a readable file."),
    "MEA002": (
        "a plan is too large or too deep",
        "A plan has at most 128 KiB, 8,192 entries and 16 levels. Name many checkpoints by a pattern: runs/*/tokens-*.",
    ),
    "MEA003": (
        "a plan that is not YAML as it is read here",
        "The place is where reading ended: YAML's grammar, a byte that is not UTF-8, a key that stands twice, an "
        "anchor, alias or tag. A plan is one mapping that begins with 'measure: name'.",
    ),
    "MEA004": ("an unknown key in a plan", "The message lists the keys of this place and the nearest one."),
    "MEA005": (
        "a key is missing in a plan",
        "Every plan has measure, checkpoints, formats and corpora; a corpus has name, path and window.",
    ),
    "MEA006": (
        "a value of the wrong form in a plan",
        "A text, a list or a mapping stands where another of the three is expected, or a list is empty.",
    ),
    "MEA007": (
        "a number at fault in a plan",
        "Windows, strides, samples, seeds and workers are whole numbers in the range that the message says; tokens "
        "may be written 16.8B; gpus is a share of one GPU or a whole number of them.",
    ),
    "MEA008": ("not one of the choices", "The message lists what may stand here."),
    "MEA009": (
        "no such checkpoint",
        "Folders and patterns lead from the plan's own folder; anything else is taken for OWNER/NAME@REVISION on the "
        "hub, if it can be one.",
    ),
    "MEA010": ("the same thing twice", "Corpora have names of their own, and a checkpoint is described once."),
    "MEA011": (
        "a method that calibrates, and no text to do it on",
        "GPTQ and AWQ look at text while they round. Name one under `calibration`, and not the one that is evaluated.",
    ),
    "MEA012": (
        "an option of `lawdsl measure` at fault",
        "--shard I/N with I from 1 to N; --on ray or --on ray:ADDRESS; --device auto, cpu, cuda, cuda:N or mps.",
    ),
    "MEA013": (
        "no such text",
        "Paths of texts lead from the plan's own folder. A dataset of the hub is written hf:NAME:SPLIT.",
    ),
    "MEA101": (
        "no checkpoint there",
        "A checkpoint is a folder as save_pretrained writes it (config.json, model.safetensors or its shards with "
        "their index, tokenizer.json), or a hub id, owner/name@revision.",
    ),
    "MEA102": (
        "weights that are pickles",
        "A pickle can run any code when it is opened, so only safetensors are read. Convert the checkpoint where you "
        "trust it, or write allow_pickle: true beside it; torch's reader then takes tensors and nothing else.",
    ),
    "MEA103": (
        "a checkpoint of the hub that cannot be had",
        "The id or its revision does not exist or is closed, or the hub cannot be reached and its cache (HF_HOME) "
        "lacks the checkpoint. Fetch it online with `hf download`, or name a folder.",
    ),
    "MEA104": (
        "training.json at fault",
        'It is one JSON object beside the weights: "tokens" (a number), "run" (a text), and plain facts of the '
        "training, which become columns.",
    ),
    "MEA105": (
        "a model that is not read",
        "It has to be a decoder that transformers knows (AutoModelForCausalLM), and not quantized. Python code that "
        "comes with a checkpoint is never run.",
    ),
    "MEA106": ("no tokenizer that can be read", "Save it beside the weights with tokenizer.save_pretrained."),
    "MEA107": (
        "weights that are damaged, or another model's",
        "A file is cut short, a shard is missing, or names and shapes are not those that config.json asks for.",
    ),
    "MEA108": ("no such device", "device: auto (the first CUDA device, or else the CPU), cpu, cuda, cuda:0 or mps."),
    "MEA109": ("no such number type", "dtype: auto (as stored), float32, bfloat16 or float16."),
    "MEA110": ("a package is missing", "The message has the line of pip that installs it."),
    "MEA111": ("no memory for the weights", "Free the device, or install accelerate, which spreads them over several."),
    "MEA201": ("no such method", "The message lists the methods; `lawdsl measure --formats` says what each is."),
    "MEA202": ("a method has no such key", "The message lists its keys; what leaves no choice is not asked."),
    "MEA203": ("bits that a method does not offer", "The message lists those it has."),
    "MEA204": (
        "a group that a method does not offer",
        "A group is how many neighbours of a row share a scale; channel is one scale for each row.",
    ),
    "MEA205": ("a setting of a format at fault", "The message says what may stand there."),
    "MEA206": (
        "formats of another form",
        "`formats:` is a list of mappings such as {method: rtn, bits: [2, 3, 4], group: 32}, or of names such as "
        "rtn-4b-g32-asym. Lists inside a mapping multiply out.",
    ),
    "MEA207": ("a format lacks a key", "Every format has a method, most have bits; the message names it."),
    "MEA208": (
        "not the name of a format",
        "A name is the method, then bits, group, symmetry and settings as far as the method leaves a choice: "
        "rtn-3b-g32-asym, nf4-g64, minifloat-g32-e2-m1.",
    ),
    "MEA209": (
        "no calibration text",
        "GPTQ and AWQ look at what weights are multiplied with, so the plan names a text for it under `calibration`.",
    ),
    "MEA210": ("a format's package is missing", "The message has the line of pip that installs it."),
    "MEA211": (
        "a format does not run on this device",
        "The message lists the devices of the package behind it. rtn, gptq, nf4 and minifloat run on every device.",
    ),
    "MEA212": (
        "a model whose weights a format cannot round",
        "Formats round the Linear layers of a decoder's list of blocks. A model that keeps its matrices otherwise "
        "would stay at 16 bits under a smaller name, so it is refused.",
    ),
    "MEA213": (
        "weights are not in memory",
        "Part of the model was offloaded to the CPU or the disk when it was loaded, and rounding needs it whole. Give "
        "it more or larger devices, or a smaller dtype.",
    ),
    "MEA215": (
        "a group does not fit a matrix",
        "The package behind this format wants groups that divide a row, or blocks no longer than one. rtn, gptq and "
        "nf4 of this project end a row in a shorter group instead.",
    ),
    "MEA216": (
        "GPTQ finds no finite Hessian",
        "The calibration's activations overflow or are too alike. A wider dtype, more samples or damping mend it.",
    ),
    "MEA301": ("a text cannot be read", "Check the path and its rights."),
    "MEA302": (
        "not a text of that form",
        "Texts are UTF-8. .jsonl, .csv and .parquet hold a document a row; a folder, a document a file; any other file "
        "is one document.",
    ),
    "MEA303": ("no such column of text", "`field` names the column that holds the text, `text` unless given."),
    "MEA304": ("too little text", "It is empty, or has fewer tokens than one window. Add text, or shorten windows."),
    "MEA305": ("sizes of windows at fault", "1 <= stride <= window, and at least one calibration window of one token."),
    "MEA306": (
        "windows that are not for this model",
        "They are longer than the model sees (max_position_embeddings), or their tokens are beyond its vocabulary.",
    ),
    "MEA307": (
        "a dataset that cannot be had",
        "hf:NAME, hf:NAME:SPLIT and hf:NAME:CONFIG:SPLIT need the datasets package and the network or its cache.",
    ),
    "MEA308": ("no memory for one window", "Take shorter windows, a smaller dtype, or a device with more memory."),
    "MEA309": (
        "a tokenizer without begin and end token",
        "The first token of a document is predicted from one of them. Name one in tokenizer_config.json.",
    ),
    "MEA310": (
        "a loss that is not finite",
        "The model overflows, most often in float16: try dtype: bfloat16 or float32. Weights may also hold NaN.",
    ),
    "MEA401": (
        "a store cannot be written",
        "The disk is full, or the folder may not be written to. Every finished row is whole; with space made, the same "
        "command goes on where it was.",
    ),
    "MEA402": (
        "not a store of a sweep",
        "A sweep makes its store in a new or empty folder, and knows its own by sweep.json; it does not write into a "
        "folder of other things.",
    ),
    "MEA403": (
        "another sweep works on this store",
        "One sweep of a share works on a store at a time, and shares of one division together. The lock is the "
        "system's, and ends with the process that holds it, however that ends.",
    ),
    "MEA404": (
        "Ray cannot be used",
        "It is not installed (pip install 'lawdsl[ray]'), its cluster cannot be reached, or has no room for a worker.",
    ),
    "MEA405": (
        "the libraries for measuring are not installed",
        "torch, transformers and safetensors come with an extra, so that fitting needs none of them: "
        "pip install 'lawdsl[measure]'. Where PyTorch's default build is too large, install its CPU build first.",
    ),
    "MEA501": (
        "the training tokens of a checkpoint are not known",
        "A generalization bound divides by them. --tokens 1.4B says it, or a field 'tokens' in training.json beside "
        "the weights; revisions of Pythia say it themselves.",
    ),
    "MEA502": (
        "an option of `lawdsl bound` at fault",
        "--corpus NAME=PATH, each name once; --tokens 1.4B; --delta between 0 and 1; formats as `lawdsl measure "
        "--formats` lists them.",
    ),
}
