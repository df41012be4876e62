-- SPDX-License-Identifier: BSD-3-Clause
-- wrk -s wrk.lua URL -- OBJECT close|keep
-- Every other thread asks for /api/OBJECT, the rest for /OBJECT; one thread's connections ask for the same all the time.
-- Ends with one line of JSON.
local n_threads = 0

function setup(thread)
	thread:set("number", n_threads)
	n_threads = n_threads + 1
end

function init(args)
	wrk.path = (number % 2 == 0 and "/api/" or "/") .. args[1]
	if args[2] == "close" then
		wrk.headers["Connection"] = "close"
	end
end

function done(summary, latency)
	local e = summary.errors
	io.write(string.format('\n{"requests": %d, "bytes": %d, "seconds": %.6f, "p50_us": %d, "p99_us": %d, ' ..
		'"errors": {"connect": %d, "read": %d, "write": %d, "timeout": %d, "status": %d}}\n',
		summary.requests, summary.bytes, summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
		e.connect, e.read, e.write, e.timeout, e.status))
end
