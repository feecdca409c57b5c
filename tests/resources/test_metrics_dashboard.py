"""The dashboard and the page of the docs: they show what is exposed, all of it and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from resources.metrics import METRIC_NAMES

_DOCS = Path(__file__).parents[2] / "docs"


def _dashboard() -> dict[str, Any]:
    text = (_DOCS / "grafana" / "ballast.json").read_text()
    found: dict[str, Any] = json.loads(text)
    return found


def _expressions() -> list[str]:
    return [
        target["expr"] for panel in _dashboard()["panels"] for target in panel.get("targets", [])
    ]


_SUFFIXES = re.compile(r"_(bucket|sum|count)$")
_FUNCTIONS = {
    "sum", "max", "min", "rate", "increase", "by", "le", "time", "histogram_quantile", "account",
    "currency", "reason", "severity", "route", "status", "kind", "level", "source", "on", "and",
    "or", "clamp_min", "vector", "label",
}  # fmt: skip


def test_the_dashboard_names_only_metrics_that_exist_and_all_of_them() -> None:
    named = set()
    for expression in _expressions():
        bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\"[^\"]*\"", "", expression)
        for word in re.findall(r"[a-z_][a-z0-9_]*", bare):
            if word not in _FUNCTIONS:
                named.add(word if word in METRIC_NAMES else _SUFFIXES.sub("", word))
    assert named == set(METRIC_NAMES)


def test_the_dashboard_can_be_imported_anywhere() -> None:
    dashboard = _dashboard()
    assert dashboard["id"] is None
    assert dashboard["uid"]
    (source,) = [v for v in dashboard["templating"]["list"] if v["type"] == "datasource"]
    assert source["query"] == "prometheus"
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    places = [tuple(sorted(panel["gridPos"].items())) for panel in dashboard["panels"]]
    assert len(set(places)) == len(places)
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            continue
        assert panel["title"]
        assert panel["description"]
        for part in [panel, *panel["targets"]]:
            assert part["datasource"] == {"type": "prometheus", "uid": f"${{{source['name']}}}"}


def test_every_metric_is_explained_in_the_docs() -> None:
    page = (_DOCS / "metrics.md").read_text()
    assert [name for name in METRIC_NAMES if f"`{name}`" not in page] == []
