package check

var personCases = []testCase{
	{"maintenance-window", "only you", asFound, Unknown, "only you can tell"},
	{"maintenance-window", "on", isOn, Skipped, ""},
	{"load-balancer", "only you", asFound, Unknown, "only you can tell"},
	{"load-balancer", "on", isOn, Skipped, ""},
}
