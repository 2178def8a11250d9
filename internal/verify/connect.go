package verify

import (
	"context"
	"io/fs"
	"slices"

	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// connect tries the sockets that containers mount.
func (p *prover) connect(ctx context.Context, seen Seen) report.Result {
	if seen.Containers.Err != nil {
		return report.Unread("what containers mount", seen.Containers.Err)
	}
	var refused, untried report.Result
	attempts := 0
	for _, c := range seen.Chosen {
		paths := socketsOf(c, seen.Paths)
		if len(paths) == 0 {
			continue
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
		return report.Fail("%d of %d refused", len(refused.Details), attempts).With(refused.Details...).With(untried.Details...)
	case len(untried.Details) > 0:
		return report.Unsure("not attempts from %s", report.Count(len(untried.Details), "container")).With(untried.Details...)
	case attempts == 0:
		return report.Skip("no socket is mounted")
	}
	return report.Pass("all of %s", report.Count(attempts, "socket"))
}

// socketsOf are the places in a container where something of the host is mounted
// that is a socket, or may be or hold one.
func socketsOf(c survey.Container, paths survey.Read[map[string]survey.Path]) []string {
	var found []string
	for _, m := range c.Mounts {
		if m.Type != "bind" {
			continue
		}
		p, known := paths.Value[m.Source]
		if !known || p.Stat.Err != nil || p.Stat.Mode&fs.ModeSocket != 0 || p.Stat.Mode.IsDir() {
			found = append(found, m.Destination)
		}
	}
	return found
}

// isFolder says whether a folder of the host is mounted at a place.
func isFolder(c survey.Container, paths survey.Read[map[string]survey.Path], at string) bool {
	return slices.ContainsFunc(c.Mounts, func(m survey.Mount) bool {
		return m.Destination == at && paths.Value[m.Source].Stat.Mode.IsDir()
	})
}
