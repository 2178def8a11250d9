package proof

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"

	"github.com/docker-userns/docker-userns/internal/apps"
	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/probe"
	"github.com/docker-userns/docker-userns/internal/remap"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
	"github.com/docker-userns/docker-userns/internal/verify"
)

// Options say what has to hold before a change stays, besides what always has to.
type Options struct {
	Stable   time.Duration // the daemon stays up for it without a restart
	Soak     time.Duration // everything goes on working for it
	Health   *apps.Health  // is good within a minute, and during the soak; nil for none
	Socket   apps.Address  // takes connections likewise
	StartP95 time.Duration // limit for the 95th percentile of container starts during the soak
	Image    string        // to make containers of, see [probe.Probe]
}

// API are the calls that a proof makes besides those of a verification; a docker
// client has them.
type API interface {
	Ping(context.Context) (types.Ping, error)
	ImageSave(context.Context, []string, ...client.ImageSaveOption) (io.ReadCloser, error)
	ImageLoad(context.Context, io.Reader, ...client.ImageLoadOption) (image.LoadResponse, error)
	ContainerLogs(context.Context, string, container.LogsOptions) (io.ReadCloser, error)
}

// Events is told how a proof goes on.
type Events interface {
	// Doing is called with what the proof is doing now.
	Doing(what string)
	// NotStarted is called for a container that does not start, with the reason.
	NotStarted(c remap.Object, why error)
	// Accepted is called with what verify calls an error, and the change is not undone for.
	Accepted(r report.Result)
	// Carried is called with what was copied, once that is proven.
	Carried(r carry.Result, c carry.Compared)
}

// Proof proves one change. It is a [remap.Prover]; who made it closes it.
type Proof struct {
	Options
	API    API
	Events Events
	Remote carry.Remote // to compare what was carried
	// Target gives the engine and the host to look at. It is called before each
	// round of questions: a soak asks for more than one answer may take.
	Target func() verify.Target

	renew remap.Renew
	probe *probe.Probe
	saved savedImage
}

// Survey looks at the engine and its host again.
func (p *Proof) Survey(ctx context.Context) survey.Facts {
	return survey.Take(ctx, p.Target(), survey.Options{})
}

// Prove proves a change, from its restart to the end of its soak.
func (p *Proof) Prove(ctx context.Context, plan remap.Plan, renew remap.Renew) error {
	p.renew = renew
	if err := p.waitForEngine(ctx); err != nil {
		return err
	}
	if err := p.saved.load(ctx, p.API); err != nil {
		return err
	}
	p.probe = p.newProbe(plan.After)
	defer p.probe.Close()
	before := p.Survey(ctx)
	for _, step := range []struct {
		what  string
		prove func(context.Context) error
	}{
		{"looking at what the engine has", func(context.Context) error { return joined(plan.Unmet(before)) }},
		{"comparing what was copied", func(ctx context.Context) error { return p.carried(ctx, plan, before) }},
		{"looking at the processes of all containers", func(ctx context.Context) error { return p.processes(ctx, plan) }},
		{"starting a new container", func(ctx context.Context) error { return p.newContainer(ctx, plan.After) }},
		{"waiting for the application to be healthy", p.becomesHealthy},
		{fmt.Sprintf("checking that the daemon stays up for %s", p.Stable), func(ctx context.Context) error { return p.staysUp(ctx, before) }},
		{"looking at whether what ran runs again", func(ctx context.Context) error { return p.runAgain(ctx, plan) }},
		{fmt.Sprintf("soaking for %s: container starts, health, socket", p.Soak), p.soak},
		{"looking at whether what ran still runs", func(ctx context.Context) error { return p.stillRuns(ctx, plan) }},
	} {
		p.Events.Doing(step.what)
		if err := errors.Join(step.prove(ctx), renew(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// newProbe makes a probe of the engine, which is in a state.
func (p *Proof) newProbe(s remap.State) *probe.Probe {
	t := p.Target()
	return &probe.Probe{API: t.API, Host: t.Host, Image: p.Image, Map: s.Map}
}

// joined makes one error of what is wrong, nil of nothing.
func joined(wrong []string) error {
	if len(wrong) == 0 {
		return nil
	}
	return errors.New(strings.Join(wrong, "; "))
}
