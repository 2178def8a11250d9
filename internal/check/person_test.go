package check

var personCases = []testCase{
	{"maintenance-window", "only you", asFound, Unknown, "only you know whether a maintenance window is booked"},
	{"maintenance-window", "on", isOn, Skipped, ""},
	{"load-balancer", "only you", asFound, Unknown, "only you know whether the load balancer sends requests here"},
	{"load-balancer", "on", isOn, Skipped, ""},
}
