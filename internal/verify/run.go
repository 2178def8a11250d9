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

// verification makes containers if that is asked for.
type verification struct {
	Target
	options Options
	probe   *probe.Probe
}

// results adds to what was seen what a probe sees, answers all questions, and asks
// the applications.
func (p *verification) results(ctx context.Context, seen *Seen) []report.Result {
	if seen.Engine.Err != nil {
		return Answer(*seen, p.options)
	}
	var probed []report.Result
	if remapped, _ := seen.Remapped(); remapped {
		p.probe.Map, _ = mapOfEngine(*seen, p.options)
		if p.options.Probe {
			probed = p.runProbe(ctx, seen)
		}
	}
	results := Answer(*seen, p.options)
	if p.options.Connect {
		results = append(results, socketsConnect.Answer(p.connect(ctx, *seen)))
	}
	results = slices.Concat(results, probed, p.options.Profile.Check(ctx, p.probe))
	if err := p.probe.Close(); err != nil {
		results = append(results, probeRemoved.Answer(report.Warn("%v", err)))
	}
	return results
}

// runProbe runs the probe, and keeps the map that the kernel gave it.
func (p *verification) runProbe(ctx context.Context, seen *Seen) []report.Result {
	got, err := p.probe.Run(ctx)
	if err != nil {
		return probe.Unproven(err)
	}
	if len(got.Users) > 0 {
		seen.Probed = got.Users[0].Inside.Map
	}
	if _, known := mapOfEngine(*seen, p.options); known && got.Map.Empty() {
		got.Map, _ = mapOfEngine(*seen, p.options)
	}
	return got.Results()
}

// mapOfEngine is the map that containers have: the one that was asked for, otherwise
// the kernel's, of a container or of the probe, if it fits the data root, otherwise
// the one that the files give.
func mapOfEngine(s Seen, o Options) (idmap.Map, bool) {
	if o.Expect != nil {
		return *o.Expect, true
	}
	in := newInput(s, o)
	for _, h := range in.distinct() {
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
	for _, q := range questions() {
		all = append(all, q.Question)
	}
	all = append(all, socketsConnect)
	return append(slices.Concat(all, probe.Questions(), apps.Questions()), probeRemoved)
}
