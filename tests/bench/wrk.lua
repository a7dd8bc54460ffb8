-- Prints what a run of wrk found as one line of JSON, and pipelines requests when WRK_PIPELINE says how many.

local depth = tonumber(os.getenv("WRK_PIPELINE") or "1")

-- Only then: with a function here wrk asks Lua for every request, which costs it half of its speed.
if depth > 1 then
  local requests
  function init(args)
    requests = string.rep(wrk.format(), depth)
  end
  function request()
    return requests
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'wrk-result {"requests":%d,"seconds":%.6f,"p50":%.1f,"p99":%.1f,"errors":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
