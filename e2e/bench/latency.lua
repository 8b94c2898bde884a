-- For wrk: every latency that there was, in microseconds, and how often.
function done(_, latency, _)
    for number = 1, #latency do
        local microseconds, times = latency(number)
        print(string.format("latency %d %d", microseconds, times))
    end
end
