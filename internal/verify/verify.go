package verify

import (
	"context"
	"time"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// API are the calls that a verification makes; a docker client has them.
type API interface {
	survey.API
	ProbeAPI
}

// Subject is an engine and the host it runs on.
type Subject struct {
	Context  string // name of the docker context
	Endpoint string
	API      API
	Host     host.Host // the daemon's own, or this machine's; host.None where out of reach
}

// Options say what is to be proven.
type Options struct {
	// Containers are names or IDs of those to look at; none stands for all that
	// run.
	Containers []string
	// Expect is the map that has to be in force; nil stands for any that the
	// kernel and the engine agree on.
	Expect *idmap.Map
}

// Run looks once and judges. The error is for what could not be looked at
// because of what was asked: a container that is not there.
func Run(ctx context.Context, s Subject, o Options) (report.Report, error) {
	seen, err := Look(ctx, s, o)
	if err != nil {
		return report.Report{}, err
	}
	return report.New(seen.Facts, Judge(seen, o)), ctx.Err()
}

// noSizes keeps a survey from waiting for the sizes of volumes, which no question
// here is about.
const noSizes = time.Nanosecond
