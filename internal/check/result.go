package check

import (
	"github.com/docker/go-units"

	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/sh"
)

// The checks are written in the words of package report.
type (
	// Question is what a check answers.
	Question = report.Question
	// Result is what a check says.
	Result = report.Result
	// Detail is one thing by its name.
	Detail = report.Detail
	// Status is the outcome of a check.
	Status = report.Status
)

const (
	OK      = report.OK
	Warning = report.Warning
	Error   = report.Error
	Skipped = report.Skipped
	Unknown = report.Unknown
)

var (
	pass    = report.Pass
	warn    = report.Warn
	fail    = report.Fail
	skip    = report.Skip
	unsure  = report.Unsure
	unread  = report.Unread
	command = sh.Command
	count   = report.Count
)

// maxDetails is how many lines and ranges of a file are named. It does not
// count for what a person has to take care of one by one: containers, mounts.
const maxDetails = 100

// size writes bytes for people, as docker does.
func size(bytes int64) string {
	if bytes < 0 {
		return "size unknown"
	}
	return units.HumanSizeWithPrecision(float64(bytes), 3)
}
