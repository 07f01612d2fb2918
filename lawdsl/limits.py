"""How large an input may be. Laws and tables come from strangers; every bound is here and is tested at its edge."""

#: bytes of a law file; the longest law of the library has under 16 thousand
LAW_BYTES = 128 * 1024
#: nesting of a law file's YAML
YAML_DEPTH = 16
#: mappings, lists and scalars in a law file
YAML_NODES = 8_192
#: characters of one expression
EXPRESSION_LENGTH = 4_000
#: nesting of one expression: parentheses, and the depth of its tree
EXPRESSION_DEPTH = 100
#: nesting of an expression once the lets that it names are written out
WRITTEN_DEPTH = 200
#: values of an index
INDEX_VALUES = 64
#: names that indexed keys are written out to, and terms that sums over indices are
INDEX_NAMES = 4_096
#: mappings, lists and scalars of a law with indexed keys, once they are written out
INDEX_NODES = 65_536
#: operations of all of a law's expressions once every `let` and `use` is written out
LAW_OPERATIONS = 20_000
#: names, numbers and signs of all of a law's expressions, sums and products over indices written out
LAW_NODES = 20_000
#: laws that bring in laws that bring in laws
USE_DEPTH = 8
#: the largest and smallest magnitude of a number: sums and squares of such numbers stay finite in float64
NUMBER_MAGNITUDE = 1e150
#: rows of a simulated table
SIMULATED_ROWS = 100_000
#: bytes of a table file
TABLE_BYTES = 4 * 1024**3
#: columns of a table
TABLE_COLUMNS = 4_096
#: levels of one factor
FACTOR_LEVELS = 10_000
#: characters of a table's header line
TABLE_HEADER = 1_000_000
#: bytes of a fit file, and of its arrays once they are unpacked
FIT_BYTES = 4 * 1024**3
#: variables of a fit file, or of one of its groups
FIT_VARIABLES = 10_000
#: bytes of a results file of lm-eval
RESULTS_BYTES = 64 * 1024**2
#: bytes of one document of lm-eval's samples
SAMPLE_BYTES = 64 * 1024**2
#: bytes of a log of llama.cpp
LOG_BYTES = 1024**3
#: bytes of a log's line that are read at once
LOG_LINE = 1024**2
#: files of a folder that is looked through for results and logs
EVALUATION_FILES = 100_000
#: folders within folders that are looked through for them
EVALUATION_DEPTH = 6
#: bytes of the header of a file of weights: the format's own bound
WEIGHTS_HEADER = 100_000_000
#: numbers that a range is written out to
RANGE_VALUES = 1_000
#: points that one call makes of ranges and columns
POINTS = 1_000_000
#: chains of a sampler
CHAINS = 64
#: draws of a chain
DRAWS = 1_000_000
#: processes of a sweep
WORKERS = 1_024
#: faults reported of one table; the rest are counted
TABLE_FAULTS = 20
