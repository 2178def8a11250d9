package check

var personChecks = []Check{
	{ID: "maintenance-window", Category: catPerson, Title: "A maintenance window is booked", Run: tick("all containers stop, and must be recreated")},
	{ID: "load-balancer", Category: catPerson, Title: "The load balancer sends nothing here", Run: tick("requests that come meanwhile fail")},
}

// ForPerson are the checks that only a person can answer.
var ForPerson = []string{personChecks[0].ID, personChecks[1].ID}

// tick is a check that only a person can answer.
func tick(reason string) func(*Input) Result {
	return func(in *Input) Result {
		if in.on() {
			return skip("the engine remaps already")
		}
		return unsure("only you can tell: %s", reason)
	}
}
