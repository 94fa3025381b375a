"""The metric families: name, kind, buckets and meaning.

The selection and the buckets are llm-d-inference-sim's (23 families), names and kinds vLLM's.
"""

TTFT_BUCKETS = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
    20.0, 40.0, 80.0, 160.0, 640.0, 2560.0,
)  # fmt: skip
TOKEN_TIME_BUCKETS = (
    0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0,
    40.0, 80.0,
)  # fmt: skip
REQUEST_TIME_BUCKETS = (
    0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 120.0, 240.0,
    480.0, 960.0, 1920.0, 7680.0,
)  # fmt: skip
FINISH_REASONS = ("stop", "length", "tool_calls", "remote_decode", "cache_threshold")

RUNNING = "vllm:num_requests_running"
WAITING = "vllm:num_requests_waiting"
KV_USAGE = "vllm:kv_cache_usage_perc"
LEGACY_KV_USAGE = "vllm:gpu_cache_usage_perc"
"""What vLLM called ``KV_USAGE`` before; shown in addition where asked for."""
GAUGES = {
    RUNNING: "Requests that run.",
    WAITING: "Requests that wait.",
    KV_USAGE: "Share of the KV cache in use; 1 is all of it.",
}

CACHE_QUERIES = "vllm:prefix_cache_queries_total"
CACHE_HITS = "vllm:prefix_cache_hits_total"
PROMPT_TOKENS = "vllm:prompt_tokens_total"
GENERATION_TOKENS = "vllm:generation_tokens_total"
COUNTERS = {
    CACHE_QUERIES: "Prompt tokens looked up in the prefix cache.",
    CACHE_HITS: "Prompt tokens found in the prefix cache.",
    PROMPT_TOKENS: "Prompt tokens processed.",
    GENERATION_TOKENS: "Tokens generated.",
}
SUCCESS = "vllm:request_success_total"

TTFT = "vllm:time_to_first_token_seconds"
TPOT = "vllm:time_per_output_token_seconds"
ITL = "vllm:inter_token_latency_seconds"
REQUEST_TPOT = "vllm:request_time_per_output_token_seconds"
E2E = "vllm:e2e_request_latency_seconds"
QUEUE_TIME = "vllm:request_queue_time_seconds"
INFERENCE_TIME = "vllm:request_inference_time_seconds"
PREFILL_TIME = "vllm:request_prefill_time_seconds"
DECODE_TIME = "vllm:request_decode_time_seconds"
TIMES = {
    TTFT: (TTFT_BUCKETS, "From arrival to the first token."),
    TPOT: (TOKEN_TIME_BUCKETS, "From one token to the next."),
    ITL: (TOKEN_TIME_BUCKETS, "From one token to the next."),
    REQUEST_TPOT: (TOKEN_TIME_BUCKETS, "Mean time per token after the first, by request."),
    E2E: (REQUEST_TIME_BUCKETS, "From arrival to the last token."),
    QUEUE_TIME: (REQUEST_TIME_BUCKETS, "Time in the queue."),
    INFERENCE_TIME: (REQUEST_TIME_BUCKETS, "Time after the queue."),
    PREFILL_TIME: (REQUEST_TIME_BUCKETS, "From the end of the queue to the first token."),
    DECODE_TIME: (REQUEST_TIME_BUCKETS, "From the first token to the last."),
}

REQUEST_PROMPT_TOKENS = "vllm:request_prompt_tokens"
REQUEST_GENERATION_TOKENS = "vllm:request_generation_tokens"
MAX_GENERATION_TOKENS = "vllm:max_num_generation_tokens"
REQUEST_MAX_TOKENS = "vllm:request_params_max_tokens"
LENGTHS = {
    REQUEST_PROMPT_TOKENS: "Length of prompts.",
    REQUEST_GENERATION_TOKENS: "Length of answers.",
    MAX_GENERATION_TOKENS: "Longest answer among the choices of a request.",
    REQUEST_MAX_TOKENS: "The max_tokens asked for.",
}

LORA_INFO = "vllm:lora_requests_info"
CACHE_INFO = "vllm:cache_config_info"


def length_buckets(max_model_len: int) -> tuple[float, ...]:
    """Return 1, 2, 5, 10, 20, 50 ... up to the context window: vLLM's buckets of lengths."""
    bounds = []
    power = 1
    while power <= max_model_len:
        bounds += [float(n * power) for n in (1, 2, 5) if n * power <= max_model_len]
        power *= 10
    return tuple(bounds)
