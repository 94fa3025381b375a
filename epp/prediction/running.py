"""Brings a tracker and a predictor together while the server runs."""

import logging
import os
import time
from collections.abc import Callable

from epp.prediction.predictor import Posts, Predictor
from epp.prediction.settings import from_environment
from epp.prediction.tracker import Tracker

logger = logging.getLogger(__name__)


def begin(tracker: Tracker, connect: Callable[[str], Posts]) -> None:
    """Let the tracker ask the predictor that the environment names."""
    settings, notes = from_environment(os.environ)
    for note in notes:
        logger.warning("%s; the default is used", note)
    tracker.clock = time.monotonic
    tracker.now = time.time
    try:
        predictor = Predictor(settings, connect)
    except ValueError as error:
        logger.error(  # noqa: TRY400 - the message says it all
            "no latency predictor: %s; set TRAINING_SERVER_URL and PREDICTION_SERVER_URL", error
        )
        return
    predictor.start()
    tracker.predictor = predictor


async def end(tracker: Tracker) -> None:
    """Let go of the predictor."""
    predictor, tracker.predictor = tracker.predictor, None
    if isinstance(predictor, Predictor):
        await predictor.stop()
