package check

var personChecks = []Check{
	{Question: Question{ID: "maintenance-window", Category: Person, Title: "A maintenance window is booked"}, Run: tick("whether a maintenance window is booked: all containers stop, and must be recreated")},
	{Question: Question{ID: "load-balancer", Category: Person, Title: "The load balancer sends nothing here"}, Run: tick("whether the load balancer sends requests here: they fail during the change")},
}

// tick is a check that only a person can answer.
func tick(what string) func(*Input) Result {
	return func(in *Input) Result {
		if in.on() {
			return skip("the engine remaps already")
		}
		return unsure("only you know %s", what)
	}
}
