"""Upper bounds of the histograms, as GAIE has them (dashboards depend on the exact values)."""

SECONDS = (
    *(0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20),
    *(30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600),
)
"""Durations of whole requests."""

FAST_SECONDS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
"""Durations inside the EPP."""

SECONDS_PER_TOKEN = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)

REQUEST_BYTES = tuple(2**power for power in range(6, 31))

RESPONSE_BYTES = (1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32778, 65536)
"""32778 is GAIE's value, a slip for 32768 that dashboards know."""

INPUT_TOKENS = (*RESPONSE_BYTES, 131072, 262144, 524288, 1048576)

OUTPUT_TOKENS = (1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)

HIT_RATIO = (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)

HIT_BYTES = (0, *(2**power for power in range(4, 17)))

TOKEN_SECONDS = (
    *(0.0005, 0.00205, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.125, 0.15, 0.2, 0.3, 0.4),
    *(0.5, 0.6, 0.8, 1, 1.5, 2, 3, 4.5, 6, 12, 18, 24, 30, 36, 48, 60, 90, 120, 180, 270, 360),
)
"""Times per output token, as GAIE's predictor has them."""

FIRST_TOKEN_SECONDS = tuple(bound for bound in SECONDS if bound <= 120)
"""llm-d-router's cut of ``SECONDS``."""

STREAMED_TOKEN_SECONDS = tuple(bound for bound in TOKEN_SECONDS if bound <= 2)
"""llm-d-router's cut of ``TOKEN_SECONDS``."""

PREDICTION_SECONDS = (
    *(0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)

QUEUE_SECONDS = (
    *(0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)

CONFIRMING_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""From a revocation to the end of the request (llm-d-router)."""

PROCESSING_SECONDS = (
    *(0.0005, 0.001, 0.002, 0.005, 0.01, 0.015, 0.025, 0.04, 0.06, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
"""From a request's arrival to its answer (llm-d-router)."""

RESPONDING_SECONDS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
"""The EPP's part in a response (llm-d-router)."""
