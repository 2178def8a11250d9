package verify

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"golang.org/x/sync/errgroup"

	"github.com/docker-userns/docker-userns/internal/survey"
)

// psColumns are what ps(1) of the daemon's host is asked for. What may hold
// spaces stands last but one: the engine joins what is left over of a line into
// the last column.
const psColumns = "pid,ppid,ruid,euid,suid,fuid,rgid,egid,sgid,fgid,comm,supgid"

// atOnce is how many containers the engine is asked about at the same time.
const atOnce = 8

// askTops asks the engine for the processes of each container: it runs ps on its
// host, which says IDs of the host (daemon/top_unix.go, 20.10 to 29.7). A
// container that ended meanwhile has none.
func askTops(ctx context.Context, api API, containers []survey.Container) ([]Process, error) {
	answers := make([][]Process, len(containers))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, c := range containers {
		group.Go(func() error {
			top, err := api.ContainerTop(ctx, c.ID, []string{"-eo", psColumns})
			if hasEnded(err) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("asking the engine for the processes of %s: %w", c.Name, err)
			}
			answers[i], err = topped(c, top)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(answers...), nil
}

// hasEnded: the container is gone, or does not run any more.
func hasEnded(err error) bool {
	return errdefs.IsNotFound(err) || errdefs.IsConflict(err) || err != nil && strings.Contains(err.Error(), "is not running")
}

// topped reads an answer of ps.
func topped(c survey.Container, top container.TopResponse) ([]Process, error) {
	var out []Process
	for _, row := range top.Processes {
		p, ok := psRow(row)
		if !ok {
			return nil, fmt.Errorf("reading the processes of %s: unexpected line %q of ps", c.Name, row)
		}
		p.Container, p.HostUserns = c.ID, c.HostUserns()
		out = append(out, p)
	}
	return out, nil
}

// psRow reads a line that ps wrote for psColumns.
func psRow(row []string) (Process, bool) {
	f := strings.Fields(strings.Join(row, " "))
	if len(f) < 12 {
		return Process{}, false
	}
	var n [10]int64
	for i := range n {
		id, err := strconv.ParseInt(f[i], 10, 64)
		if err != nil {
			return Process{}, false
		}
		n[i] = id
	}
	ids := IDs{TID: int(n[0]), UID: [4]int64(n[2:6]), GID: [4]int64(n[6:10])}
	last := len(f) - 1
	for g := range strings.SplitSeq(f[last], ",") {
		if id, err := strconv.ParseInt(g, 10, 64); err == nil {
			ids.Groups = append(ids.Groups, id)
		}
	}
	return Process{PID: ids.TID, Parent: int(n[1]), Name: strings.Join(f[10:last], " "), Threads: []IDs{ids}, Count: 1}, true
}
