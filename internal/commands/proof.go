package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker-userns/docker-userns/internal/apps"
	"github.com/docker-userns/docker-userns/internal/probe"
	signs "github.com/docker-userns/docker-userns/internal/proof"
	"github.com/docker-userns/docker-userns/internal/remap"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
	"github.com/docker-userns/docker-userns/internal/verify"
	"github.com/spf13/pflag"
)

// proofOptions are what has to hold before a change stays.
type proofOptions struct {
	stable     time.Duration
	soak       time.Duration
	healthURL  string
	healthExpr string
	probe      string
	startP95   time.Duration
	imageName  string

	health *apps.Health
	socket apps.Address
}

func (o *proofOptions) install(flags *pflag.FlagSet) {
	flags.DurationVar(&o.stable, "stable", 10*time.Second, "Time for which the daemon has to stay up without a restart")
	flags.DurationVar(&o.soak, "soak", 0, "Time for which to go on looking, and undo the change if something turns bad")
	flags.StringVar(&o.healthURL, "health-url", "", "URL that has to answer 2xx within a minute, and go on doing so")
	flags.StringVar(&o.healthExpr, "health-expr", "", "Expression of jq that has to be true of its JSON")
	flags.StringVar(&o.probe, "probe-socket", "", "Socket of the host that has to take connections: a path, or HOST:PORT")
	flags.DurationVar(&o.startP95, "start-p95", 30*time.Second, "Limit for the 95th percentile of container starts while it soaks")
	flags.StringVar(&o.imageName, "image", "", "Image to prove with, which needs a sh (default: made of this program)")
}

// errUnproven: without a restart there is nothing to prove yet.
var errUnproven = errors.New("--no-restart leaves nothing to prove: leave out --soak, --health-url, --probe-socket and --image, and use verify once the daemon has been restarted")

// wanted says whether more is to be proven than always is.
func (o *proofOptions) wanted() bool {
	return o.soak > 0 || o.healthURL != "" || o.probe != "" || o.imageName != ""
}

func (o *proofOptions) validate() error {
	if o.stable < 0 || o.soak < 0 || o.startP95 <= 0 {
		return errors.New("--stable and --soak cannot be negative, nor --start-p95 nothing")
	}
	if o.healthExpr != "" && o.healthURL == "" {
		return errors.New("--health-expr says nothing without --health-url")
	}
	if o.healthURL != "" {
		h, err := apps.NewHealth(o.healthURL, o.healthExpr)
		if err != nil {
			return err
		}
		o.health = &h
	}
	var err error
	if o.probe != "" {
		o.socket, err = apps.ParseAddress(o.probe)
	}
	return err
}

// proof is the proof of one change.
type proof struct {
	*change
	proofOptions
	renew remap.Renew
	probe *probe.Probe
	image savedImage // that the proof needs
}

// Survey looks at the engine and its host again.
func (p *proof) Survey(ctx context.Context) survey.Facts { return survey.Take(ctx, p.survey()) }

// Prove proves a change, from its restart to the end of its soak.
func (p *proof) Prove(ctx context.Context, plan remap.Plan, renew remap.Renew) error {
	p.renew = renew
	if err := p.waitForEngine(ctx); err != nil {
		return err
	}
	if err := p.image.load(ctx, p.engine); err != nil {
		return err
	}
	p.probe = &probe.Probe{API: p.engine, Host: p.host, Image: p.imageName, Map: plan.After.Map}
	defer p.probe.Close()
	facts := p.Survey(ctx)
	for _, one := range []struct {
		at    string
		prove func(context.Context) error
	}{
		{"looking what the engine has", func(context.Context) error { return joined(remap.Proven(plan, facts)) }},
		{"looking at the processes of all containers", p.kernel},
		{"starting a container of its own", p.container},
		{"waiting for the application to be well", p.turnsGood},
		{fmt.Sprintf("watching the daemon stay up for %s", p.stable), func(ctx context.Context) error { return p.staysUp(ctx, facts) }},
		{fmt.Sprintf("soaking for %s: starts of containers, health, socket", p.soak), p.soaks},
	} {
		p.clock.at(one.at)
		if err := errors.Join(one.prove(ctx), renew(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// kernel proves what `docker userns verify` proves, under the map that was
// planned.
func (p *proof) kernel(ctx context.Context) error {
	if !p.plan.After.Remapped {
		return nil
	}
	r, err := verify.Run(ctx, p.subject(), verify.Options{Expect: &p.plan.After.Map})
	// What does not stay up here came with an earlier remap, and is no reason to go
	// back; what runs outside of the engine is held against what did before.
	return errors.Join(err, wrong(slices.DeleteFunc(r.Results, func(one report.Result) bool {
		return one.ID == verify.ContainersUp || one.ID == verify.LeftProcesses
	})))
}

// container proves it with a container of its own: its processes, and the files
// that it writes.
func (p *proof) container(ctx context.Context) error {
	seen, err := p.probe.Run(ctx)
	if err != nil {
		return fmt.Errorf("proving it with a container: %w", err)
	}
	results := seen.Results()
	return errors.Join(wrong(results), p.untold(results))
}

// untold gives what has to be seen before remap counts as proven, and was not.
func (p *proof) untold(results []report.Result) error {
	var said []string
	for _, r := range results {
		if p.plan.After.Remapped && r.Status == report.Unknown && slices.Contains([]string{"probe-map", "probe-root", "probe-user", "probe-volume"}, r.ID) {
			said = append(said, fmt.Sprintf("%s (%s)", r.Message, r.ID))
		}
	}
	return joined(said)
}

// wrong gives the results that are errors.
func wrong(results []report.Result) error {
	var said []string
	for _, r := range results {
		if r.Status == report.Error {
			said = append(said, fmt.Sprintf("%s (%s)", r.Message, r.ID))
		}
	}
	return joined(said)
}

func joined(said []string) error {
	if len(said) == 0 {
		return nil
	}
	return errors.New(strings.Join(said, "; "))
}

// turnsGood waits a minute for the application to be well: it may only just be
// starting.
func (p *proof) turnsGood(ctx context.Context) error {
	return p.patiently(ctx, engineTime, func(ctx context.Context) error {
		return errors.Join(p.well(ctx), p.reached(ctx))
	})
}

func (p *proof) well(ctx context.Context) error {
	if p.health == nil {
		return nil
	}
	return p.health.Check(ctx, p.host)
}

func (p *proof) reached(ctx context.Context) error {
	if p.socket.None() {
		return nil
	}
	return p.socket.Reach(ctx, p.host, apps.SocketTime)
}

// soakPause is between two rounds of looking.
const soakPause = 5 * time.Second

// soaks looks on until the time is over, or something calls for the way back.
func (p *proof) soaks(ctx context.Context) error {
	var seen signs.Signs
	for end := time.Now().Add(p.soak); time.Now().Before(end); {
		p.bounds.renew() // a day of rounds asks for more than one look does
		seen.Started(p.probe.Start(ctx))
		seen.Health(p.well(ctx))
		seen.Socket(p.reached(ctx))
		if err := errors.Join(seen.Bad(p.startP95), p.renew(ctx)); err != nil {
			return err
		}
		if err := pause(ctx, min(soakPause, time.Until(end))); err != nil {
			return err
		}
	}
	return nil
}

// engineTime is how long an engine that systemd calls started may take to answer,
// and an application to be well.
const engineTime = time.Minute

func (p *proof) waitForEngine(ctx context.Context) error {
	err := p.patiently(ctx, engineTime, func(ctx context.Context) error {
		_, err := p.Ping(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("waiting for the engine at %s to answer: %w", p.endpoint, err)
	}
	return nil
}

// patiently tries until it works, and gives the last error when time is up.
func (p *proof) patiently(ctx context.Context, limit time.Duration, try func(context.Context) error) error {
	end := time.Now().Add(limit)
	for {
		err := try(ctx)
		if err == nil || time.Now().After(end) {
			return err
		}
		if stop := errors.Join(pause(ctx, 500*time.Millisecond), p.renew(ctx)); stop != nil {
			return errors.Join(err, stop) // what was waited for is why, also if time ran out on the host meanwhile
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// staysUp looks whether the daemon is the same process after a while.
func (p *proof) staysUp(ctx context.Context, before survey.Facts) error {
	for end := time.Now().Add(p.stable); time.Now().Before(end); {
		if err := errors.Join(pause(ctx, min(soakPause, time.Until(end))), p.renew(ctx)); err != nil {
			return err
		}
	}
	after := p.Survey(ctx)
	if err := after.Engine.Err; err != nil {
		return err
	}
	if a, b := after.Unit.Value, before.Unit.Value; a.MainPID != b.MainPID || a.NRestarts != b.NRestarts {
		return fmt.Errorf("%s did not stay up for %s: process %d became %d", b.Name, p.stable, b.MainPID, a.MainPID)
	}
	return nil
}
