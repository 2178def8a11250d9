// Package check decides, on one survey of a daemon and its host, whether
// userns-remap will work there, or, if it is on, whether it is sound and
// would come up again. It reads nothing and changes nothing.
//
// A check is data in an ordered list. Its title states what is true when it
// passes; its message says what was found; its fix is commands to paste.
package check

import "slices"

// Categories, in the order in which they are shown.
const (
	catEngine  = "engine"
	catService = "service"
	catHost    = "kernel and host"
	catSubID   = "subordinate IDs"
	catConfig  = "daemon.json"
	catStorage = "storage"
	catImpact  = "impact"
	// Person is the category of what only a person can answer.
	Person = "person"
)

// Check is a question, and how it is answered.
type Check struct {
	Question
	// Vital: no change can be made, or none taken back, unless it passes.
	Vital bool
	// Reach: it reports whether anything can be looked at.
	Reach bool
	// Needs are checks before it in the list. A cause that was named hides its
	// consequences: where one of them is an error, this one is skipped; where one
	// is unknown and this one is too, it says no more than that.
	Needs []string
	Run   func(*Input) Result
}

// All gives every check, in the order in which they are run and shown.
func All() []Check {
	return slices.Concat(engineChecks, serviceChecks, hostChecks, subidChecks, configChecks, storageChecks, impactChecks, personChecks)
}

// IDs are those of all checks, in order.
func IDs() []string { return idsOf(func(Check) bool { return true }) }

// Vital are the IDs of the checks that no risk can be taken on: without them a change
// cannot be made, or not be taken back.
func Vital() []string { return idsOf(func(c Check) bool { return c.Vital }) }

// Reach are the IDs of the checks that say whether anything can be looked at.
func Reach() []string { return idsOf(func(c Check) bool { return c.Reach }) }

func idsOf(chosen func(Check) bool) []string {
	var ids []string
	for _, c := range All() {
		if chosen(c) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}
