"""bench.report writes its tables, and its chart where matplotlib is installed."""

import xml.etree.ElementTree as ElementTree

import pytest

from bench import report


def test_report(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "SECONDS", 0.001)
    report.main([str(tmp_path / "made"), "--largest", "10000"])
    text = (tmp_path / "made" / "report.md").read_text()
    for topic in report.TOPICS:
        assert f"## {topic}\n" in text
    assert text.count("| 1,000 |") == text.count("| 10,000 |") == 4 and "level" in text
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    assert ElementTree.parse(tmp_path / "made" / "chart.svg").getroot().tag.endswith("svg")
    assert (tmp_path / "made" / "chart.png").read_bytes().startswith(b"\x89PNG")
