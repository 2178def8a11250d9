package survey

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"github.com/docker-userns/docker-userns/internal/host"
)

// Left is a container, or a managed plugin, whose processes run on this host
// although the engine does not know it: it was started by another dockerd, or by
// this one with another data root.
type Left struct {
	ID        string
	Namespace string // of containerd, e.g. "moby", "moby-100000.100000"
	Shim      int    // PID of the process that holds the others; 0 if it has ended
	PIDs      []int  // that it holds
	Root      bool   // one of them is root on the host
}

// String says what is wrong with it.
func (l Left) String() string {
	said := fmt.Sprintf("container %.12s runs outside of the engine: process %d", l.ID, l.PIDs[0])
	if more := len(l.PIDs) - 1; more > 0 {
		said += fmt.Sprintf(" and %d more", more)
	}
	if l.Root {
		said += ", root on the host"
	}
	if l.Shim == 0 {
		return said + " (the process that held it has ended)"
	}
	return said + fmt.Sprintf(" (held by process %d, containerd namespace %s)", l.Shim, l.Namespace)
}

// shimName is what /proc/PID/comm has room for of containerd-shim-runc-v2 and its like.
const shimName = "containerd-shim"

const (
	shimHolds = "children of shims"
	heldUsers = "users of what shims hold"
)

// maxLeft is how many shims that the engine does not know are looked into.
const maxLeft = 200

// shim is a process that says that it is one, and the container that it holds; pid is 0
// if there is none any more, and pids are what it has left behind.
type shim struct {
	pid           int
	namespace, id string
	pids          []int
}

var leftTopic = topic{
	second: func(l *look, q *host.Questions) {
		q.Links = append(append(q.Links, l.askShims()...), spaces("/proc/1")...)
		q.Lines = append(q.Lines, askCgroups())
	},
	unread: func(f *Facts, err error) { f.Left.Err = err },
}

// askShims asks which container each shim of root holds: it runs in the
// container's folder below /run, named by containerd's namespace and the ID.
func (l *look) askShims() []string {
	var links []string
	for _, pid := range l.named(shimName) {
		links = append(links, proc(pid, "cwd"), proc(pid, "ns/pid"))
	}
	return links
}

var (
	// longID is the ID of a container, and the name of a volume that nobody named.
	longID          = regexp.MustCompile(`^[0-9a-f]{64}$`)
	dockerNamespace = regexp.MustCompile(`^(plugins\.)?moby(-\d+\.\d+)?$`)
)

// shims are those that hold containers and plugins of a dockerd of this host.
func (l *look) shims() []shim {
	var all []shim
	for _, link := range l.askShims() {
		if path.Base(link) != "cwd" || !l.shares(path.Dir(link), "pid") {
			continue
		}
		dir := strings.TrimSuffix(l.link(link), " (deleted)")
		s := shim{pid: pidOf(link), namespace: path.Base(path.Dir(dir)), id: path.Base(dir)}
		if longID.MatchString(s.id) && l.isDockers(s.namespace) && !l.isOthers(dir) {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b shim) int { return a.pid - b.pid })
	return all
}

func (l *look) isDockers(namespace string) bool {
	return dockerNamespace.MatchString(namespace) ||
		l.engine != nil && namespace != "" && slices.Contains(l.engine.ContainerdNamespaces[:], namespace)
}

// isOthers reports whether a container's folder is one of the containerd that another
// dockerd has started for itself.
func (l *look) isOthers(dir string) bool {
	ours, _ := l.daemon()
	believed, _ := l.processes()
	return slices.ContainsFunc(believed, func(d process) bool {
		root, given := d.Flag("exec-root")
		return given && d.PID != ours.PID && path.IsAbs(root) && strings.HasPrefix(dir, path.Join(root, "containerd")+"/")
	})
}

// A container that is just being started or removed is given this time, and one that the
// engine knows and does not call running this often.
const (
	shimPause = 500 * time.Millisecond
	shimTries = 10
)

var errOwnNamespace = errors.New("looking for processes of containers: this program does not run in the host's namespaces, so it cannot identify the host's shims; if a systemd unit runs it, remove options such as PrivateTmp= and ProtectSystem= from the unit")

// left finds the containers that the engine does not know. If all are known,
// nothing more is asked.
func (l *look) left(ctx context.Context, api API, f *Facts) ([]Left, error) {
	switch {
	case f.Engine.Err != nil:
		return nil, f.Engine.Err
	case f.Containers.Err != nil:
		return nil, f.Containers.Err
	case f.Root != nil:
		return nil, f.Root
	case !l.shares("/proc/1", "user"), !l.shares("/proc/1", "mnt"), !l.shares("/proc/1", "pid"):
		return nil, errOwnNamespace
	case l.seen.Lines[names].Truncated, l.seen.Lines[cgroups].Truncated:
		return nil, fmt.Errorf("looking for processes of containers: the host has more of them than are examined at once")
	}
	strange := strangers(append(l.shims(), l.orphans()...), f)
	if len(strange) > maxLeft {
		return nil, fmt.Errorf("looking for processes of containers: the engine does not know %d of them, which are more than are examined at once", len(strange))
	}
	for try := 1; ; try++ {
		if len(strange) == 0 {
			return nil, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(shimPause):
		}
		left, err := l.proven(ctx, strange)
		if err != nil {
			return nil, err
		}
		left, known, err := notOfEngine(ctx, api, left)
		if err != nil || !known || try == shimTries {
			return left, err
		}
	}
}

// strangers are the shims of containers that the engine does not know, or does not call
// running, and all of those that hold containers of one ID: a container that was carried
// over has the same ID in both data roots.
func strangers(shims []shim, f *Facts) []shim {
	holders := map[string]int{}
	for _, s := range shims {
		holders[s.id]++
	}
	return slices.DeleteFunc(shims, func(s shim) bool {
		if slices.ContainsFunc(f.Plugins.Value, func(p Plugin) bool { return p.ID == s.id }) {
			return true
		}
		c, known := f.Container(s.id)
		return known && c.Running() && holders[s.id] == 1
	})
}

// notOfEngine gives those that do not hold the process that the engine has for their
// container, and reports whether it knows one of them.
func notOfEngine(ctx context.Context, api API, left []Left) (strange []Left, known bool, err error) {
	for _, one := range left {
		c, err := api.ContainerInspect(ctx, one.ID)
		switch {
		case errdefs.IsNotFound(err):
			strange = append(strange, one)
		case err != nil:
			return nil, false, fmt.Errorf("looking at container %.12s: %w", one.ID, err)
		case c.ContainerJSONBase == nil || c.State == nil || !slices.Contains(one.PIDs, c.State.Pid):
			strange, known = append(strange, one), true
		}
	}
	return strange, known, nil
}

// proven gives those that hold, or left, live processes, and if they are shims: of root,
// in the host's namespaces, and their program is a file of root's. One that holds no live
// process does no harm.
func (l *look) proven(ctx context.Context, shims []shim) ([]Left, error) {
	if err := l.askHeld(ctx, shims); err != nil {
		return nil, err
	}
	q := host.Questions{}
	var held []int
	for _, s := range shims {
		held = append(held, s.pids...)
		if s.pid > 0 {
			q.Stats = append(q.Stats, l.program(s))
		}
	}
	if len(held) == 0 {
		return nil, nil
	}
	q.Lines = []host.Lines{{Name: heldUsers, Globs: procFiles(held, "status"), Prefixes: []string{"Uid:", "State:"}}}
	if err := l.round(ctx, l.unasked(q)); err != nil {
		return nil, err
	}
	var all []Left
	for _, s := range shims {
		if one := l.leftBy(s); len(one.PIDs) > 0 && (s.pid == 0 || l.believed(s)) {
			all = append(all, one)
		}
	}
	return all, nil
}

// askHeld fills in what the shims that run hold, and asks who they are.
func (l *look) askHeld(ctx context.Context, shims []shim) error {
	var q host.Questions
	var pids []int
	for _, s := range shims {
		if s.pid > 0 {
			pids = append(pids, s.pid)
			q.Links = append(append(q.Links, proc(s.pid, "exe")), spaces(proc(s.pid, ""))...)
		}
	}
	if len(pids) == 0 {
		return nil
	}
	q.Lines = []host.Lines{{Name: shimHolds, Globs: procFiles(pids, "task/[0-9]*/children")}}
	if err := l.round(ctx, q); err != nil {
		return err
	}
	holds := map[int][]int{}
	for p, lines := range l.seen.Lines[shimHolds].Files {
		for _, field := range strings.Fields(strings.Join(lines, " ")) {
			if pid, err := strconv.Atoi(field); err == nil {
				holds[pidOf(p)] = append(holds[pidOf(p)], pid)
			}
		}
	}
	for i, s := range shims {
		if s.pid > 0 {
			shims[i].pids = holds[s.pid]
		}
	}
	return nil
}

// believed: what is known of a shim up to here root itself has said, in whatever
// namespace; this is the kernel's word. A program of another name may be one that
// others start as root, such as sudo, and then its own name and folder are theirs.
func (l *look) believed(s shim) bool {
	dir, exe := proc(s.pid, ""), l.seen.Stats[l.program(s)] // replaced by an upgrade, it may be missing
	return strings.HasPrefix(path.Base(l.program(s)), shimName) &&
		l.shares(dir, "user") && l.shares(dir, "mnt") && l.shares(dir, "pid") && (exe.Err != nil || exe.UID == 0)
}

func (l *look) program(s shim) string {
	return strings.TrimSuffix(l.link(proc(s.pid, "exe")), " (deleted)")
}

func (l *look) leftBy(s shim) Left {
	one := Left{ID: s.id, Namespace: s.namespace, Shim: s.pid}
	slices.Sort(s.pids)
	for _, pid := range s.pids {
		lines := l.seen.Lines[heldUsers].Files[proc(pid, "status")]
		st := host.ParseStatus(lines)
		if len(lines) == 0 || st.State == "Z" {
			continue // it has ended
		}
		one.PIDs = append(one.PIDs, pid)
		one.Root = one.Root || st.AnyRoot()
	}
	return one
}
