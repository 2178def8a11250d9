package verify

import (
	"fmt"
	"io/fs"

	"github.com/docker-userns/docker-userns/internal/access"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

var mountQuestions = []question{
	{Question: report.Question{ID: "mounts", Category: catMounts, Title: "Containers can use what they mount from the host"}, answer: bindMounts},
	{Question: report.Question{ID: "sockets", Category: catMounts, Title: "Containers may connect to the sockets that they mount"}, answer: mountedSockets},
}

func bindMounts(in *input) report.Result {
	return in.mounted("mounted path", func(m fs.FileMode) bool { return m&fs.ModeSocket == 0 })
}

func mountedSockets(in *input) report.Result {
	return in.mounted("mounted socket", func(m fs.FileMode) bool { return m&fs.ModeSocket != 0 })
}

// mounted gives the answer for all bind mounts of a kind.
func (in *input) mounted(kind string, of func(fs.FileMode) bool) report.Result {
	switch {
	case in.Containers.Err != nil:
		return report.Unread("what containers mount", in.Containers.Err)
	case in.Paths.Err != nil:
		return report.Unread("the owners of what containers mount", in.Paths.Err)
	}
	seen := 0
	all := report.Pass("")
	for _, c := range in.Chosen {
		for _, mount := range c.Mounts {
			path, known := in.Paths.Value[mount.Source]
			if c.HostUserns() || mount.Type != "bind" || known && path.Stat.Err == nil && !of(path.Stat.Mode) {
				continue
			}
			seen++
			one := in.mountResult(c, mount, path, known)
			all.Status = worse(all, one).Status
			all = all.With(one.Details...).Fixed(one.Fix...)
		}
	}
	all.Fix = report.Once(all.Fix)
	switch {
	case seen == 0:
		all.Message = "no container has a " + kind + " of the host"
	case all.Status == report.OK:
		all.Message = "all of " + report.Count(seen, kind)
	case all.Status == report.Unknown:
		all.Message = "could not determine who has access to " + report.Count(len(all.Details), kind)
	default:
		all.Message = "the container's user has fewer rights to " + report.Count(len(all.Details), kind) + " than without remap"
	}
	return all
}

// mountResult compares what the container's user, as it is mapped, may do with a
// path with what the same user might do without remap. To lose the right to read
// or to pass through is an error. To lose the right to write is one for a socket,
// which nobody connects to without; otherwise it is a warning, since what is mounted
// writable is often only read.
func (in *input) mountResult(c survey.Container, mount survey.Mount, path survey.Path, known bool) report.Result {
	name := fmt.Sprintf("%s: %s at %s", c.Name, mount.Source, mount.Destination)
	if err := access.Unknown(c, path, known); err != nil {
		return report.Unsure("").With(report.Detail{Name: name, Note: err.Error()})
	}
	m, ok := in.mapOf(c)
	if !ok {
		return report.Unsure("").With(report.Detail{Name: name, Note: "the map of the container is unknown"})
	}
	loss, ok := access.Lost(c, mount, path, m)
	if !ok || !loss.Any() {
		return report.Pass("") // processes says what is not in the map
	}
	r := report.Fail("")
	if loss.Lacks == access.Write && path.Stat.Mode&fs.ModeSocket == 0 || loss.Inside && loss.UID == 0 {
		r = report.Warn("")
	}
	todo := loss.Mend(in.Facts)
	return r.With(report.Detail{Name: name, Note: loss.String() + "; " + todo.Note}).Fixed(todo.Fix...)
}

// mapOf is the map of a container: the kernel's, otherwise the engine's.
func (in *input) mapOf(c survey.Container) (idmap.Map, bool) {
	if m, ok := in.kernel[c.ID]; ok {
		return m, true
	}
	return mapOfEngine(in.Seen, in.want)
}
