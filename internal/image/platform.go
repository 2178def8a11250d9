package image

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// choose gives those of an image's plans, one for each platform, that are
// wanted. If none is, it gives a plan with an error that lists what there is.
func (o Options) choose(all []plan) []plan {
	if o.Platform == "all" || len(all) == 0 {
		return all
	}
	matcher, err := o.matcher()
	if err != nil {
		return failed(all, err)
	}
	if best := bestOf(all, matcher); len(best) > 0 {
		return append(best, filter(all, plan.unclear)...)
	}
	if len(all) == 1 && (o.Platform == "" || all[0].Err != nil) {
		return all
	}
	return failed(all, fmt.Errorf("no image for %s, only for %s: choose one with --platform", o.platform(), listPlatforms(all)))
}

// unclear is a plan that may be the wanted one, if only it could be read.
func (p plan) unclear() bool { return p.Err != nil && p.Platform == "" }

// matcher takes a platform as it is asked for; and for this machine's own, what
// its processors run as well (arm/v6 on arm/v7).
func (o Options) matcher() (platforms.MatchComparer, error) {
	if o.Platform == "" {
		return platforms.Only(own()), nil
	}
	p, err := platforms.Parse(o.Platform)
	if err != nil {
		return nil, fmt.Errorf("reading the platform %q: %w", o.Platform, err)
	}
	return platforms.OnlyStrict(p), nil
}

func (o Options) platform() string {
	if o.Platform == "" {
		return platforms.Format(own())
	}
	return o.Platform
}

// own is this machine's processor under linux, which engines run everywhere.
func own() ocispec.Platform {
	return platforms.Normalize(ocispec.Platform{OS: "linux", Architecture: runtime.GOARCH, Variant: platforms.DefaultSpec().Variant})
}

// bestOf gives the plans of the platform that matches best.
func bestOf(all []plan, m platforms.MatchComparer) []plan {
	type match struct {
		plan
		platform ocispec.Platform
	}
	var found []match
	for _, p := range all {
		if q, err := platforms.Parse(p.Platform); err == nil && m.Match(q) {
			found = append(found, match{p, q})
		}
	}
	slices.SortStableFunc(found, func(a, b match) int {
		switch {
		case m.Less(a.platform, b.platform):
			return -1
		case m.Less(b.platform, a.platform):
			return 1
		}
		return 0
	})
	var best []plan
	for _, f := range found {
		if !m.Less(found[0].platform, f.platform) {
			best = append(best, f.plan)
		}
	}
	return best
}

func listPlatforms(all []plan) string {
	var names []string
	for _, p := range all {
		names = append(names, fmt.Sprintf("%q", p.Platform))
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}

// failed stands for an image that is there and not as wanted.
func failed(all []plan, err error) []plan {
	return []plan{{Image: Image{Err: err}, tags: all[0].tags}}
}
