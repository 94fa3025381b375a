"""What tools are told of a decision is what the server would do."""

from epp.config import explain
from epp.extproc import request_side


def test_control_headers_are_those_of_the_server() -> None:
    assert explain.FAIRNESS_ID == request_side._FAIRNESS_ID
    assert explain.OBJECTIVE == request_side._OBJECTIVE
    assert explain.MODEL_REWRITE == request_side._MODEL_REWRITE
