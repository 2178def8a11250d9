package verify

import (
	"context"
	"path"
	"slices"

	"github.com/docker-userns/docker-userns/internal/apps"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/probe"
	"github.com/docker-userns/docker-userns/internal/ranges"
	"github.com/docker-userns/docker-userns/internal/report"
)

// prover makes containers where that is asked for.
type prover struct {
	Target
	want  Options
	probe *probe.Probe
}

// prove adds to what was seen what a probe sees, answers all questions, and asks
// the applications.
func (p *prover) prove(ctx context.Context, seen *Seen) []report.Result {
	if seen.Engine.Err != nil {
		return Judge(*seen, p.want)
	}
	var probed []report.Result
	if remapped, _ := seen.Remapped(); remapped {
		p.probe.Map, _ = mapOfEngine(*seen, p.want)
		if p.want.Probe {
			probed = p.runProbe(ctx, seen)
		}
	}
	results := Judge(*seen, p.want)
	if p.want.Connect {
		results = append(results, socketsConnect.Answer(p.connect(ctx, *seen)))
	}
	results = slices.Concat(results, probed, p.want.Profile.Check(ctx, apps.Target{API: p.API, Host: p.Host, Probe: p.probe}))
	if err := p.probe.Close(); err != nil {
		results = append(results, probeRemoved.Answer(report.Warn("%v", err)))
	}
	return results
}

// runProbe runs the probe, and keeps the map that the kernel gave it.
func (p *prover) runProbe(ctx context.Context, seen *Seen) []report.Result {
	got, err := p.probe.Run(ctx)
	if err != nil {
		return probe.Unproven(err)
	}
	if len(got.Users) > 0 {
		seen.Probed = got.Users[0].Inside.Map
	}
	if _, known := mapOfEngine(*seen, p.want); known && got.Map.Empty() {
		got.Map, _ = mapOfEngine(*seen, p.want)
	}
	return got.Results()
}

// mapOfEngine is the map that containers have: the one that was asked for, else
// the kernel's, of a container or of the probe, if it fits the data root, otherwise
// the one that the files give.
func mapOfEngine(s Seen, o Options) (idmap.Map, bool) {
	if o.Expect != nil {
		return *o.Expect, true
	}
	j := newJudge(s, o)
	for _, h := range j.distinct() {
		if h.m.Suffix() == path.Base(s.Engine.Value.DataRoot) {
			return h.m, true
		}
	}
	set := ranges.SettingsOf(s.Facts, "")
	return set.Now, set.NowWhole
}

// The questions that are answered by trying, besides those of a probe and of the
// applications.
var (
	socketsConnect = report.Question{ID: "sockets-connect", Category: catMounts, Title: "The sockets that containers mount accept connections from inside", Flag: "--connect"}
	probeRemoved   = report.Question{ID: "probe-removed", Category: probe.Category, Title: "Nothing is left of the probe", Item: probe.ItemFiles, Flag: "--probe"}
)

// All gives every question that a verification can answer, in the order in which
// they are shown.
func All() []report.Question {
	var all []report.Question
	for _, q := range lookedAt() {
		all = append(all, q.Question)
	}
	all = append(all, socketsConnect)
	return append(slices.Concat(all, probe.Questions(), apps.Questions()), probeRemoved)
}
