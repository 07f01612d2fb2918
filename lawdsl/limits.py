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
#: values of an index, names that indexed keys are written out to, and entries of the law so written out
INDEX_VALUES = 64
INDEX_NAMES = 4_096
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
#: bytes of a fit file, and of its arrays once they are unpacked; and variables of it, or of one of its groups
FIT_BYTES, FIT_VARIABLES = 4 * 1024**3, 10_000
#: bytes of a results file of lm-eval, of one document of its samples, of a log of llama.cpp and of a piece of its line
RESULTS_BYTES, SAMPLE_BYTES = 64 * 1024**2, 64 * 1024**2
LOG_BYTES, LOG_LINE = 1024**3, 1024**2
#: files of a folder that is looked through for them, and how deep
EVALUATION_FILES, EVALUATION_DEPTH = 100_000, 6
#: faults reported of one table; the rest are counted
TABLE_FAULTS = 20
