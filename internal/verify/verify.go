package verify

import (
	"context"
	"time"

	"github.com/docker-userns/docker-userns/internal/apps"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/probe"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// API are the calls that a verification makes; a docker client has them.
type API interface {
	survey.API
	probe.API
}

// Target is an engine and the host that it runs on.
type Target = survey.Target[API]

// Options say what is to be proven. The zero Options only look; Probe, Connect
// and what a Profile may ask for make containers, which are removed again.
type Options struct {
	// Containers are names or IDs of those to look at; none stands for all that
	// run.
	Containers []string
	// Expect is the map that has to be in force; nil stands for any that the
	// kernel, the engine and the files agree on.
	Expect *idmap.Map
	// Before is what the engine had before remap was turned on; nil if nothing
	// recorded it.
	Before survey.Read[*survey.Record]
	// Probe asks for a throw-away container, made of Image or, if that is "",
	// of this very program.
	Probe bool
	Image string
	// Connect tries the sockets that containers mount, from inside of a container
	// like each of them.
	Connect bool
	// Profile is what else has to work.
	Profile apps.Profile
}

// Run looks, makes what containers were asked for, and answers the questions. An
// Error among the results is what was proven wrong. The error is for what could not be done:
// [ErrNoContainer], or the context has ended.
func Run(ctx context.Context, t Target, o Options) (report.Report, error) {
	seen, err := Take(ctx, t, o)
	if err != nil {
		return report.Report{}, err
	}
	p := &verification{Target: t, options: o, probe: &probe.Probe{API: t.API, Host: t.Host, Image: o.Image}}
	results := p.results(ctx, &seen)
	return seen.Report(o, results), ctx.Err()
}

// Report puts answers together with who the processes of containers are.
func (s Seen) Report(o Options, results []report.Result) report.Report {
	r := report.New(s.Facts, results)
	r.Containers = s.evidence(mapOfEngine(s, o))
	return r
}

// noSizes keeps a survey from waiting for the sizes of volumes, which no question
// here is about.
const noSizes = time.Nanosecond
