-- Sends the requests of a file in turn: each line is a path, then fields, parted by tabs.
local heads, turn = {}, 0

function init(arguments)
  for line in io.lines(arguments[1]) do
    local path, headers = nil, {}
    for part in line:gmatch("[^\t]+") do
      if path == nil then
        path = part
      else
        local name, value = part:match("^([^:]+): (.*)$")
        headers[name] = value
      end
    end
    heads[#heads + 1] = wrk.format("GET", path, headers)
  end
end

function request()
  turn = turn % #heads + 1
  return heads[turn]
end
