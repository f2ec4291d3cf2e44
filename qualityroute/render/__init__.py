"""What people read in a terminal: records in, rich renderables out; nothing is printed here."""

from qualityroute.render.json_lines import PIN_COLUMNS, decision_json, json_line, key_json, pin_json, recorded_json
from qualityroute.render.key_view import key_table
from qualityroute.render.pin_views import pin_card, pin_table
from qualityroute.render.report_view import report_view
from qualityroute.render.safe import safe_text, visible
from qualityroute.render.story import story_of
from qualityroute.render.words import dollars, moment_text, outcome_words, percent, reason_words

__all__ = [
    "PIN_COLUMNS",
    "decision_json",
    "dollars",
    "json_line",
    "key_json",
    "key_table",
    "moment_text",
    "outcome_words",
    "percent",
    "pin_card",
    "pin_json",
    "pin_table",
    "reason_words",
    "recorded_json",
    "report_view",
    "safe_text",
    "story_of",
    "visible",
]
