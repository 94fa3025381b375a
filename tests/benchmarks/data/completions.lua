-- Load for wrk: completions whose prompts share a beginning and differ from then on.
-- Argument: bytes of the prompt. Prints one line of JSON when done.
local before, after, count = nil, nil, 0

function init(args)
  local size = tonumber(args[1])
  local shared = string.rep("You are a careful critic. ", 5)
  local rest = string.rep(" and the city by the bay", math.ceil(size / 24))
  local start = '{"model":"food-review","max_tokens":72,"prompt":"' .. shared
  local finish = rest:sub(1, size - #shared - 10) .. '"}'
  wrk.headers["content-type"] = "application/json"
  local whole = wrk.format("POST", "/v1/completions", nil, start .. "0000000000" .. finish)
  before, after = whole:sub(1, #whole - #finish - 10), finish
end

function request()
  count = count + 1
  return before .. string.format("%010d", count) .. after
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %.6f, "refused": %d, "broken": %d, "p50_ms": %.3f, "p99_ms": %.3f}\n',
    summary.requests, summary.duration / 1e6, e.status, e.connect + e.read + e.write + e.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
