package verify

import (
	"cmp"
	"context"
	"io/fs"
	"slices"

	"github.com/docker-userns/docker-userns/internal/access"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// connect tries the sockets that containers mount.
func (p *verification) connect(ctx context.Context, seen Seen) report.Result {
	if seen.Containers.Err != nil {
		return report.Unread("what containers mount", seen.Containers.Err)
	}
	var refused, untried, skipped report.Result
	attempts := 0
	for _, c := range seen.Chosen {
		paths, shared := socketsOf(c, seen.Paths)
		for _, folder := range shared {
			skipped = skipped.With(report.Detail{Name: c.Name + ": " + folder, Note: "a directory of the system, whose sockets are not tested; mount the socket itself to test it"})
		}
		if len(paths) == 0 {
			continue
		}
		if err := ctx.Err(); err != nil {
			untried = untried.With(report.Detail{Name: c.Name, Note: err.Error()})
			break
		}
		found, err := p.probe.Connect(ctx, c.Name, paths)
		if err != nil {
			untried = untried.With(report.Detail{Name: c.Name, Note: err.Error()})
		}
		for _, one := range found {
			if isFolder(c, seen.Paths, one.Path) { // that cannot be read, which the question mounts is about
				continue
			}
			attempts++
			if one.Refused != "" {
				refused = refused.With(report.Detail{Name: c.Name + ": " + one.Path, Note: one.Refused})
			}
		}
	}
	switch {
	case len(refused.Details) > 0:
		return report.Fail("%d of %s refused the connection", len(refused.Details), report.Count(attempts, "socket")).With(refused.Details...).With(untried.Details...).With(skipped.Details...)
	case len(untried.Details) > 0:
		return report.Unsure("could not try the sockets of %s", report.Count(len(untried.Details), "container")).With(untried.Details...).With(skipped.Details...)
	case attempts == 0:
		return report.Skip("no socket is mounted").With(skipped.Details...)
	}
	return report.Pass("all of %s", report.Count(attempts, "socket")).With(skipped.Details...)
}

// socketsOf are the places in a container where something of the host is mounted
// that is a socket, or may be or hold one that the container was given on purpose.
// A folder that the system's programs share, such as /run, is not searched: its
// sockets are meant for others, and to connect to one can start its service.
func socketsOf(c survey.Container, paths survey.Read[map[string]survey.Path]) (found, shared []string) {
	for _, m := range c.Mounts {
		if m.Type != "bind" {
			continue
		}
		p, known := paths.Value[m.Source]
		isDir := p.Stat.Mode.IsDir() || !known || p.Stat.Err != nil
		switch {
		case isDir && access.OfSystem(cmp.Or(p.Real, m.Source)):
			shared = append(shared, m.Source)
		case isDir || p.Stat.Mode&fs.ModeSocket != 0:
			found = append(found, m.Destination)
		}
	}
	return found, shared
}

// isFolder reports whether a folder of the host is mounted at a place.
func isFolder(c survey.Container, paths survey.Read[map[string]survey.Path], at string) bool {
	return slices.ContainsFunc(c.Mounts, func(m survey.Mount) bool {
		return m.Destination == at && paths.Value[m.Source].Stat.Mode.IsDir()
	})
}
