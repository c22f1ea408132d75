"""A real server, asked whatever its OpenAPI document allows and forbids; `make fuzz` does it at length."""

from __future__ import annotations

from fuzz.run import Plan, fuzz


def test_every_answer_is_one_that_the_document_foresees(tmp_path):
    report = fuzz(Plan(seed=2026, requests=250), tmp_path / "data")

    assert report.faults == {}
    assert [fault for check in report.checks for fault in check.faults] == []
    assert report.never_well == []
    assert report.requests == 250
    assert report.sound


DAMAGE = {
    "/credit/": lambda answer: setattr(answer, "status_code", 500),
    "/health/ready": lambda answer: setattr(answer, "status_code", 202),
    "/health/live": lambda answer: setattr(answer, "_content", b'["ok"]'),
    "/metrics": lambda answer: answer.raw.headers.update({"Content-Type": "application/json"}),
    "/products/": lambda answer: answer.raw.headers.pop("ETag", None),
}


def _damaged(answer, **_):
    for path, damage in DAMAGE.items():
        if answer.request.path_url.startswith(path):
            damage(answer)
    return answer


def test_answers_that_it_does_not_foresee_are_found(tmp_path):
    report = fuzz(Plan(seed=2026, requests=100), tmp_path / "data", tamper=_damaged)

    assert report.faults.keys() >= {
        ("GET /credit/{customerId}", "500: Server error"),
        ("GET /health/ready", "202: Undocumented status code"),
        ("GET /health/live", "200: Response violates schema"),
        ("GET /metrics", "200: Undocumented Content-Type"),
        ("GET /products/{productId}", "200: Missing required response headers"),
    }
    assert not report.sound
