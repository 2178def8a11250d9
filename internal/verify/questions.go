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

// question is one that the facts of [Take] answer.
type question struct {
	report.Question
	// ground: if this fails, nothing after it can hold.
	ground bool
	// inherited: an error may come from before a change, and is no reason to undo it.
	inherited bool
	answer    func(*input) report.Result
}

// questions gives those that the facts of [Take] answer, in their order.
func questions() []question {
	return slices.Concat(daemonQuestions, processQuestions, mountQuestions, carriedQuestions)
}

// ReasonToUndo reports whether an error in the question with that ID is a reason to
// undo a change: what does not stay up came with an earlier remap, and what runs
// outside of the engine is compared with what did before.
func ReasonToUndo(id string) bool {
	return !slices.ContainsFunc(questions(), func(q question) bool { return q.ID == id && q.inherited })
}

// OfMounts reports whether the question with that ID is about what containers mount from
// the host.
func OfMounts(id string) bool {
	return slices.ContainsFunc(mountQuestions, func(q question) bool { return q.ID == id })
}

// input is what the answers are made of.
type input struct {
	Seen
	want   Options
	kernel map[string]idmap.Map // of the containers' first processes, by ID
}

func newInput(s Seen, o Options) *input {
	return &input{Seen: s, want: o, kernel: mapsOf(s.Processes.Value, s.Chosen)}
}

// Answer answers the questions on what was seen, in the order of [All].
func Answer(s Seen, o Options) []report.Result {
	in := newInput(s, o)
	var results []report.Result
	cause := ""
	for _, q := range questions() {
		r := report.After(cause)
		if cause == "" {
			r = q.answer(in)
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
