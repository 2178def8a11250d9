package verify

import (
	"fmt"
	"slices"

	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/report"
)

// Categories, in the order in which they are shown.
const (
	catDaemon    = "daemon"
	catProcesses = "processes"
	catMounts    = "mounts"
)

// look is one that a look answers.
type question struct {
	report.Question
	// ground: where this fails nothing after it can hold.
	ground bool
	// inherited: an error may come from before a change, and is no reason to undo it.
	inherited bool
	answer    func(*judge) report.Result
}

// lookedAt gives the questions that one look answers, in their order.
func lookedAt() []question {
	return slices.Concat(daemonQuestions, processQuestions, mountQuestions, carriedQuestions)
}

// ReasonToUndo reports whether an error in the question with that ID is a reason to
// undo a change: what does not stay up came with an earlier remap, and what runs
// outside of the engine is held against what did before.
func ReasonToUndo(id string) bool {
	return !slices.ContainsFunc(lookedAt(), func(q question) bool { return q.ID == id && q.inherited })
}

// judge is what the answers are made of.
type judge struct {
	Seen
	want   Options
	kernel map[string]idmap.Map // of the containers' first processes, by ID
}

func newJudge(s Seen, o Options) *judge {
	return &judge{Seen: s, want: o, kernel: mapsOf(s.Processes.Value, s.Chosen)}
}

// Judge answers the questions on what was seen, in the order of [All].
func Judge(s Seen, o Options) []report.Result {
	j := newJudge(s, o)
	var results []report.Result
	cause := ""
	for _, q := range lookedAt() {
		r := report.After(cause)
		if cause == "" {
			r = q.answer(j)
			if q.ground && r.Status != report.OK {
				cause = q.ID
			}
		}
		results = append(results, q.Answer(r))
	}
	return results
}

// maxDetails is how many processes are named; the number of them is always whole.
const maxDetails = 100

// bounded leaves out details beyond a hundred, and says so.
func bounded(details []report.Detail) []report.Detail {
	if len(details) <= maxDetails {
		return details
	}
	more := fmt.Sprintf("%d more", len(details)-maxDetails)
	return append(slices.Clone(details[:maxDetails]), report.Detail{Name: more})
}
