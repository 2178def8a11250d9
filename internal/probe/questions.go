package probe

import (
	"context"
	"errors"
	"slices"

	"github.com/docker-userns/docker-userns/internal/report"
)

// Category is that of what a new container proves, and ItemFiles the point of the
// checklist that the files of a probe are part of.
const (
	Category  = "new containers"
	ItemFiles = "Files that a container writes belong to the mapped user"
	itemUsers = "A container sees its own UID, and the host sees that process as the mapped one"
)

// question is one that a probe answers.
type question struct {
	report.Question
	// needed: remap does not count as proven unless this was answered. Bind mounts are
	// no part of that: the host may be out of reach.
	needed bool
	answer func(Report) report.Result
}

var questions = []question{
	{Question: report.Question{ID: "probe-map", Category: Category, Title: "A new container has the ID map of the engine", Item: itemUsers, Flag: "--probe"}, needed: true, answer: firstUser(mapResult)},
	{Question: report.Question{ID: "probe-root", Category: Category, Title: "The root of a new container is the mapped user on the host", Item: itemUsers, Flag: "--probe"}, needed: true, answer: firstUser(processResult)},
	{Question: report.Question{ID: "probe-user", Category: Category, Title: "UID 1000 of a new container is the mapped user on the host", Item: itemUsers, Flag: "--probe"}, needed: true, answer: secondUser(processResult)},
	{Question: report.Question{ID: "probe-volume", Category: Category, Title: "Files that a new container writes to a volume belong to the mapped users", Item: ItemFiles, Flag: "--probe"}, needed: true, answer: volumeFiles},
	{Question: report.Question{ID: "probe-bind", Category: Category, Title: "Files that a new container writes to a bind mount belong to the mapped users", Item: ItemFiles, Flag: "--probe"}, answer: bindFiles},
}

// Questions gives those that [Report.Results] answers, in their order.
func Questions() []report.Question {
	var all []report.Question
	for _, q := range questions {
		all = append(all, q.Question)
	}
	return all
}

// Needed reports whether remap counts as proven only if the question with that ID was
// answered.
func Needed(id string) bool {
	return slices.ContainsFunc(questions, func(q question) bool { return q.ID == id && q.needed })
}

// Results compare what a probe saw with the ID map that it was expected under.
func (r Report) Results() []report.Result {
	var results []report.Result
	for _, q := range questions {
		results = append(results, q.Answer(q.answer(r)))
	}
	return results
}

// Unproven are the answers if a probe did not run: an engine that starts no
// container is wrong; one that this program cannot be run on may be right.
func Unproven(err error) []report.Result {
	var results []report.Result
	r := report.Fail("could not test with a new container: %v", err)
	if errors.Is(err, ErrImage) || errors.Is(err, context.Canceled) {
		r = report.Unsure("could not test with a new container: %v", err)
	}
	for _, q := range questions {
		results = append(results, q.Answer(r))
		if r.Status != report.Skipped { // the first one explains the others
			r = report.Skip("not checked, because %s must pass first", q.ID)
		}
	}
	return results
}
