-- Sends the requests of a file, one a line: method, path and body, with tabs between.
-- Every answer is counted by its status; `done` prints everything as one line of JSON.
-- Arguments: the file, headers for all, and what unique keys begin with, if they are wanted.

local threads = {}

function setup(thread)
  thread:set("number", #threads + 1)
  table.insert(threads, thread)
end

function init(args)
  local headers = {["Content-Type"] = "application/json"}
  if args[2] and args[2] ~= "" then headers["Authorization"] = "Bearer " .. args[2] end
  local keys = args[3]
  if keys then headers["Idempotency-Key"] = "{key}" end
  requests, tails, statuses, sent = {}, {}, {}, 0
  for line in io.lines(args[1]) do
    local method, path, body = line:match("^([^\t]*)\t([^\t]*)\t(.*)$")
    local text = wrk.format(method, path, headers, body ~= "" and body or nil)
    if keys then
      local from, to = text:find("{key}", 1, true)
      table.insert(requests, text:sub(1, from - 1))
      table.insert(tails, text:sub(to + 1))
    else
      table.insert(requests, text)
    end
  end
  math.randomseed(number * 7919 + #requests)
  local count = #requests
  if keys then
    local prefix = keys .. "-" .. number .. "-"
    request = function()
      sent = sent + 1
      local chosen = math.random(count)
      return requests[chosen] .. prefix .. sent .. tails[chosen]
    end
  else
    request = function()
      sent = sent + 1
      return requests[math.random(count)]
    end
  end
end

function response(status)
  statuses[status] = (statuses[status] or 0) + 1
end

function done(summary, latency)
  local all, asked = {}, 0
  for _, thread in ipairs(threads) do
    asked = asked + thread:get("sent")
    for status, count in pairs(thread:get("statuses")) do
      all[status] = (all[status] or 0) + count
    end
  end
  local parts = {}
  for status, count in pairs(all) do
    table.insert(parts, string.format('"%d":%d', status, count))
  end
  local errors = summary.errors
  print(string.format(
    '{"duration_s":%.6f,"sent":%d,"statuses":{%s},"p50_ms":%.3f,"p99_ms":%.3f,'
      .. '"errors":{"connect":%d,"read":%d,"write":%d,"timeout":%d}}',
    summary.duration / 1e6, asked, table.concat(parts, ","),
    latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.connect, errors.read, errors.write, errors.timeout))
end
