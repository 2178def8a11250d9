package check

import (
	"fmt"
	"io/fs"

	"github.com/docker-userns/docker-userns/internal/access"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

func impactBindMounts(in *Input) Result {
	return mounts(in, "mounted path", func(m fs.FileMode) bool { return m&fs.ModeSocket == 0 })
}

func impactSockets(in *Input) Result {
	return mounts(in, "mounted socket", func(m fs.FileMode) bool { return m&fs.ModeSocket != 0 })
}

// mounts compares, for every bind mount of a kind, what the container's user
// can do now with what the mapped user can.
func mounts(in *Input, kind string, of func(fs.FileMode) bool) Result {
	switch {
	case in.Containers.Err != nil:
		return unread("what containers mount", in.Containers.Err)
	case in.Paths.Err != nil:
		return unread("the owners of what containers mount", in.Paths.Err)
	}
	m, err := in.Map()
	if err != nil {
		return unread("the ID map", err)
	}
	var lost, unclear Result
	seen := 0
	for _, c := range in.Containers.Value {
		for _, mount := range in.bindMounts(c) {
			path, known := in.Paths.Value[mount.Source]
			if known && path.Stat.Err == nil && !of(path.Stat.Mode) {
				continue
			}
			seen++
			one := in.mountOf(c, mount, path, known, m)
			if one.Status == Unknown {
				unclear = unclear.With(one.Details...)
			}
			if one.Status == Warning {
				lost = lost.With(one.Details...).Fixed(one.Fix...)
			}
		}
	}
	switch {
	case len(lost.Details) > 0:
		r := warn("the container's user has fewer rights to %s with remap", count(len(lost.Details), kind)).Fixed(report.Once(lost.Fix)...)
		return r.With(lost.Details...).With(unclear.Details...)
	case len(unclear.Details) > 0:
		return unsure("could not determine who has access to %s", count(len(unclear.Details), kind)).With(unclear.Details...)
	}
	return pass("all of %s", count(seen, kind))
}

// bindMounts leaves out what has a check of its own, and containers that use
// --userns=host.
func (in *Input) bindMounts(c survey.Container) []survey.Mount {
	if c.HostUserns() {
		return nil
	}
	var out []survey.Mount
	for _, m := range c.Mounts {
		if m.Type == "bind" && !access.IsEngineSocket(in.Facts, m) {
			out = append(out, m)
		}
	}
	return out
}

func (in *Input) mountOf(c survey.Container, mount survey.Mount, path survey.Path, known bool, m idmap.Map) Result {
	name := fmt.Sprintf("%s: %s", c.Name, mount.Source)
	if err := access.Unknown(c, path, known); err != nil {
		return unsure("").With(Detail{Name: name, Note: err.Error()})
	}
	loss, ok := access.Lost(c, mount, path, m)
	if !ok {
		return pass("") // impact-ids says that it does not start
	}
	if shut, above, ok := access.Shut(in.Facts, path.Parents, m); ok {
		todo := access.Pass(in.Facts, shut, above, m.UID.Root())
		return warn("").With(Detail{Name: name, Note: fmt.Sprintf("runc before 1.1 mounts as user %d, who does not get past %s; %s", m.UID.Root(), shut.Path, todo.Note)}).
			Fixed(todo.Fix...)
	}
	if !loss.Any() {
		return pass("")
	}
	todo := loss.Mend(in.Facts)
	return warn("").With(Detail{Name: name, Note: loss.String() + "; " + todo.Note}).Fixed(todo.Fix...)
}
