package check

import (
	"slices"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// ImpactImages is the check that needs the audits of images.
const ImpactImages = "impact-images"

// The IDs of the checks of which a plan of enable says more.
const (
	ImpactContainers = "impact-containers"
	ImpactVolumes    = "impact-volumes"
	ImpactNetworks   = "impact-networks"
	ImpactBindMounts = "impact-bind-mounts"
	ImpactSockets    = "impact-sockets"
)

// Options are what a user can ask for.
type Options struct {
	// Only are the IDs of the checks to show; none stands for all. What they
	// need is run too, and not shown.
	Only []string
	// User is the login name that ranges are looked for under. "" is the one
	// that the engine is configured with, else dockremap.
	User string
	// Audits hold the report of each image that the engine has, made with
	// [Input.Map], or why there are none. Only the check [ImpactImages] looks at
	// them.
	Audits survey.Read[[]audit.Report]
	// Unread says by their IDs why images have no report.
	Unread map[string]error
}

// Run runs the checks on a survey. The results are in the order of [All].
func Run(f survey.Facts, o Options) []Result {
	return run(All(), NewInput(f, o))
}

func run(checks []Check, in *Input) []Result {
	results := []Result{}
	failed, unknown := map[string]string{}, map[string]string{} // the first cause, by the check's ID
	for _, c := range checks {
		var r Result
		if cause := causeOf(c, failed); cause != "" {
			failed[c.ID] = cause
			r = report.After(cause)
		} else {
			r = c.Run(in)
		}
		cause := causeOf(c, unknown)
		switch {
		case r.Status == Error:
			failed[c.ID] = c.ID
		case r.Status == Unknown && cause != "":
			unknown[c.ID] = cause
			r = unsure("unknown, because %s is unknown", cause)
			r.Cause = cause
		case r.Status == Unknown:
			unknown[c.ID] = c.ID
		}
		r = c.Answer(r)
		if len(in.Only) == 0 || slices.Contains(in.Only, c.ID) {
			results = append(results, r)
		}
	}
	return results
}

func causeOf(c Check, causes map[string]string) string {
	for _, need := range c.Needs {
		if causes[need] != "" {
			return causes[need]
		}
	}
	return ""
}
