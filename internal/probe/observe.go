package probe

import (
	"context"
	"fmt"
	"path"

	"github.com/docker/docker/api/types/container"

	"github.com/docker-userns/docker-userns/internal/report"
)

// users are the users that a probe starts processes of.
var users = []int64{0, 1000}

// look has each user say what it sees, and looks at it from outside meanwhile.
func (p *Probe) observe(ctx context.Context, c started, dirErr error) (Report, error) {
	r := Report{Image: p.Image, Map: p.Map, Took: c.took}
	for _, id := range users {
		u, err := p.observeUser(ctx, c, id, dirErr)
		if err != nil {
			return r, fmt.Errorf("looking as UID %d of a container: %w", id, err)
		}
		r.Users = append(r.Users, u)
	}
	return r, nil
}

func (p *Probe) observeUser(ctx context.Context, c started, id int64, dirErr error) (User, error) {
	u := User{UID: id, GID: id}
	mark := fmt.Sprintf("%s-%s-%d", Name, token(), id) // in the arguments of the process, and nowhere else on the host
	paths := []string{path.Join(volumeDir, mark)}
	if c.bind != "" {
		paths = append(paths, path.Join(bindDir, mark))
	}
	e, err := execIn(ctx, p.API, c.name, container.ExecOptions{
		User: fmt.Sprintf("%d:%d", id, id), AttachStdin: true, Cmd: p.insideCommand(paths),
	})
	if err != nil {
		return u, err
	}
	defer e.Close()
	stdout, stderr, err := e.output(ctx, lastLine)
	if err != nil {
		return u, err
	}
	if err := u.parse(stdout); err != nil {
		return u, fmt.Errorf("%w: %s", err, report.Beginning(append(stdout, stderr...)))
	}
	if c.bind == "" {
		u.Bind.Written = dirErr
	}
	if u.PID, err = e.pid(ctx, p.API); err != nil {
		return u, err
	}
	u.Volume.Path, u.Bind.Path = hostPath(c.volume, mark), hostPath(c.bind, mark)
	p.observeOutside(ctx, c, &u, mark)
	return u, nil
}

func (p *Probe) insideCommand(paths []string) []string {
	if p.Image != "" {
		return append([]string{"sh", "-c", insideScript, "sh"}, paths...)
	}
	return append([]string{programPath, "look"}, paths...)
}

func hostPath(dir, name string) string {
	if dir == "" {
		return ""
	}
	return path.Join(dir, name)
}
