"""Spare hours for a terminal: the API's answer in, a table of aligned columns out. Pure."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from aggregator.config import PROCESSES, ProcessName

WORDS: dict[str, dict[str, str]] = {
    "ja": {
        "process": "工程",
        "factory": "工場",
        "data": "データ",
        "unknown": "不明",
        "closed": "休み",
        "as_of": "{at} 時点の空き機械時間（P50、かっこ内は P10〜P90）",
        "not_yet": "まだ計算されていません",
        "partly": "（過去の実測を読み込み中: {share:.0%}）",
        "nothing": "まだ機械がありません。",
        "no_calendar": "カレンダー未登録",
        "no_history": "実測が短い",
        "low_coverage": "データ不足",
        "still_reading": "読み込み中",
        "silent": "数字のない工場",
        "between": "、",
    },
    "en": {
        "process": "process",
        "factory": "factory",
        "data": "data",
        "unknown": "unknown",
        "closed": "closed",
        "as_of": "Spare machine hours as of {at}: P50 (P10-P90)",
        "not_yet": "Not calculated yet",
        "partly": "(the past is still being read: {share:.0%})",
        "nothing": "There are no machines yet.",
        "no_calendar": "no calendar yet",
        "no_history": "measured too short",
        "low_coverage": "too little data",
        "still_reading": "still being read",
        "silent": "factories without a number",
        "between": ", ",
    },
}


def language_of(environment: Mapping[str, str]) -> str:
    """Return `ja` or `en`, as the locale in the environment asks for."""
    locale = next(
        (environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), ""
    )
    return "ja" if locale.lower().startswith("ja") else "en"


def capacity_table(
    answer: Mapping[str, Any], language: str, processes: Mapping[str, ProcessName] = PROCESSES
) -> str:
    """Return the answer of `/api/v1/capacity` as lines: a row for each process, or factory of it."""
    words = WORDS[language]
    rows: dict[tuple[str, str | None], list[dict[str, Any]]] = {}
    for row in answer["rows"]:
        rows.setdefault((row["process"], row["factory"]), []).append(row)
    lines = [_heading(answer, words)]
    if not rows:
        return "\n".join([*lines, words["nothing"]])
    by_factory = answer["by"] == "factory"
    weeks = [f"{row['week']} {row['monday'][5:]}" for row in next(iter(rows.values()))]
    head = [words["process"], *([words["factory"]] if by_factory else []), words["data"], *weeks]
    table = [head]
    for (process, factory), cells in rows.items():
        named = processes.get(process)
        name = getattr(named, language) if named else process
        told = [name, *([factory or ""] if by_factory else []), f"{cells[0]['coverage']:.0%}"]
        table.append([*told, *(_cell(cell, words) for cell in cells)])
    return "\n".join([*lines, "", *aligned(table, left=1 + by_factory), *_silent(rows.values(), words)])


def aligned(table: Sequence[Sequence[str]], left: int) -> list[str]:
    """Return lines with aligned columns: the first `left` begin left, the others end right."""
    widths = [max(columns(row[at]) for row in table) for at in range(len(table[0]))]
    lines = []
    for row in table:
        cells = []
        for at, text in enumerate(row):
            space = " " * (widths[at] - columns(text))
            cells.append(text + space if at < left else space + text)
        lines.append("  ".join(cells).rstrip())
    return lines


def columns(text: str) -> int:
    """Return how many columns of a terminal the text takes: Japanese letters take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _heading(answer: Mapping[str, Any], words: Mapping[str, str]) -> str:
    if answer["fresh"] is None:
        return words["not_yet"]
    said = words["as_of"].format(at=answer["fresh"][:16].replace("T", " "))
    if answer["progress"] < 1:
        said += " " + words["partly"].format(share=answer["progress"])
    return said


def _cell(row: Mapping[str, Any], words: Mapping[str, str]) -> str:
    if row["spare"] is None:
        return words["unknown"]
    if row["level"] == "closed":
        return words["closed"]
    spare = row["spare"]
    return f"{spare['p50']:.0f} ({spare['p10']:.0f}-{spare['p90']:.0f})"


def _silent(rows: Any, words: Mapping[str, str]) -> list[str]:
    """Return one line that names who has no number, and why."""
    reasons: dict[str, str] = {}
    for cells in rows:
        for row in cells:
            told = [(row["factory"], row["reason"])] if row["factory"] and row["reason"] else []
            told += [(silent["factory"], silent["reason"]) for silent in row["silent"]]
            reasons.update({factory: words[reason] for factory, reason in told})
    if not reasons:
        return []
    listed = words["between"].join(f"{factory} ({reason})" for factory, reason in sorted(reasons.items()))
    return ["", f"{words['silent']}: {listed}"]
