package verify

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/ranges"
	"github.com/docker-userns/docker-userns/internal/report"
)

// mapInForce compares the map that the kernel has, of each container's first
// process, with the one that was asked for, with the data root's name, and with
// the one that the files would give a daemon that starts now. dockerd reads the
// files when it starts and never again, so a file that differs was edited since.
func mapInForce(in *input) report.Result {
	maps := in.distinct()
	switch {
	case len(maps) > 0:
	case in.Kernel.Err != nil:
		return report.Unread("which map the kernel uses", in.Kernel.Err)
	case in.Processes.Err != nil:
		return report.Unread("which map the kernel uses", in.Processes.Err)
	default:
		return in.withoutKernel()
	}
	m := maps[0].m
	suffix := path.Base(in.Engine.Value.DataRoot)
	switch {
	case len(maps) > 1:
		return report.Fail("containers run with %d different maps, but an engine has only one", len(maps)).With(named(maps)...)
	case m.Suffix() != suffix:
		return report.Fail("the kernel uses the map %s, but the data root is the one of %s", m, suffix).With(named(maps)...)
	case in.want.Expect != nil && !m.Same(*in.want.Expect):
		return report.Fail("the kernel uses the map %s instead of %s", m, in.want.Expect)
	}
	next, err := ranges.SettingsOf(in.Facts, "").Next()
	switch refusal := (ranges.RefusedError{}); {
	case errors.As(err, &refusal):
		return report.Fail("the kernel uses the map %s, but %s", m, afterRestart(refusal))
	case err != nil:
		return report.Unread(fmt.Sprintf("whether the files still give the map %s, which the kernel uses", m), err)
	case !m.Same(next):
		return report.Fail("the kernel uses the map %s, but /etc/subuid and /etc/subgid were edited since the daemon started: after a restart the map would be %s%s", m, next, consequence(m, next))
	}
	return report.Pass("%s, in the kernel for %s and in the files", m, report.Count(len(maps[0].containers), "container"))
}

// afterRestart is what a restart of the daemon would end in.
func afterRestart(r ranges.RefusedError) string {
	if errors.Is(r.Words, ranges.ErrNotSet) {
		return r.Words.Error()
	}
	return "the daemon would not start again: " + r.Words.Error()
}

func consequence(now, next idmap.Map) string {
	if now.Suffix() == next.Suffix() {
		return ""
	}
	return ", with another data root, without the present containers and images"
}

// withoutKernel is the answer if no container runs that would show a map.
func (in *input) withoutKernel() report.Result {
	next, err := ranges.SettingsOf(in.Facts, "").Next()
	suffix := path.Base(in.Engine.Value.DataRoot)
	switch refusal := (ranges.RefusedError{}); {
	case errors.As(err, &refusal):
		return report.Fail("%s", afterRestart(refusal))
	case err != nil:
		return report.Unread("which map the files give", err)
	case next.Suffix() != suffix:
		return report.Fail("the data root is the one of %s, but /etc/subuid and /etc/subgid were edited since the daemon started: after a restart the map would be %s", suffix, next)
	case in.want.Expect != nil && !next.Same(*in.want.Expect):
		return report.Fail("the files give the map %s instead of %s", next, in.want.Expect)
	}
	return report.Unsure("no container is running that would show the kernel's map (--probe starts one); the files give %s, which matches the data root", next)
}

// mapInUse is a map and the names of the containers that run under it.
type mapInUse struct {
	m          idmap.Map
	containers []string
}

// distinct are the maps that the kernel has, most containers first.
func (in *input) distinct() []mapInUse {
	var all []mapInUse
	add := func(m idmap.Map, name string) {
		i := slices.IndexFunc(all, func(h mapInUse) bool { return h.m.Same(m) })
		if i < 0 {
			all, i = append(all, mapInUse{m: m}), len(all)
		}
		all[i].containers = append(all[i].containers, name)
	}
	for _, c := range in.Chosen {
		if m, ok := in.kernel[c.ID]; ok && !c.HostUserns() {
			add(m, c.Name)
		}
	}
	if !in.Probed.Empty() {
		add(in.Probed, "the probe")
	}
	slices.SortStableFunc(all, func(a, b mapInUse) int { return len(b.containers) - len(a.containers) })
	return all
}

func named(maps []mapInUse) []report.Detail {
	var details []report.Detail
	for _, h := range maps {
		details = append(details, report.Detail{Name: h.m.String(), Note: strings.Join(h.containers, ", ")})
	}
	return bounded(details)
}
