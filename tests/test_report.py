"""bench.report writes its tables, and its charts where matplotlib is installed."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from bench import report, topics


def test_report(tmp_path, monkeypatch):
    monkeypatch.setattr(topics, "SECONDS", 0.001)
    folder = tmp_path / "made"
    report.main([str(folder), "--largest", "10000"])
    text = (folder / "saved.md").read_text()
    for topic in topics.TOPICS:
        assert f"## {topic.title}\n" in text
    assert text.count("| 1,000 |") == text.count("| 10,000 |") == len(topics.TOPICS) and "level" in text
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    for picture in re.findall(r"\((pictures/.*?)\)", text):
        assert ElementTree.parse(folder / picture).getroot().tag.endswith("svg")
    assert text.count("![") == len(topics.TOPICS)
    assert (folder / "saved.png").read_bytes().startswith(b"\x89PNG")
