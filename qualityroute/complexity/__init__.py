"""How hard a request is, as far as its prompt and the gate's log say: hard limits, learned cells, the decision rule.

Pure. Measured (routing.md): a prompt alone predicts little, the log of a task more, and the answer is almost always
the cascade.
"""

from qualityroute.complexity.analysis import Circumstances, Complexity, Source, analyse
from qualityroute.complexity.cells import Cell, CellKey, History
from qualityroute.complexity.classify import Rules, classify, rules_of
from qualityroute.complexity.features import features, shape_of
from qualityroute.complexity.forecast import Forecast, Foretold, Known, forecast, known_of
from qualityroute.complexity.limits import hard_limit
from qualityroute.complexity.regression import Regression
from qualityroute.complexity.rule import Choice, Economics
from qualityroute.complexity.scoring import Score, score

__all__ = [
    "Cell",
    "CellKey",
    "Choice",
    "Circumstances",
    "Complexity",
    "Economics",
    "Forecast",
    "Foretold",
    "History",
    "Known",
    "Regression",
    "Rules",
    "Score",
    "Source",
    "analyse",
    "classify",
    "features",
    "forecast",
    "hard_limit",
    "known_of",
    "rules_of",
    "score",
    "shape_of",
]
