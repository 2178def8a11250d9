package verify

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
)

// Process is a process of a container, as the host sees it.
type Process struct {
	PID, Parent int
	Name        string // comm
	Container   string // ID
	// HostUserns says that its container is configured to stay in the host's user namespace.
	HostUserns bool
	// Threads are those with credentials of their own kind: the first is the
	// process's first thread, the others differ from it. A thread can change its
	// IDs for itself (setfsuid(2), or the system calls behind setuid(2)).
	Threads []IDs
	Count   int // of all its threads
	// Map is the map of its user namespace; empty if that is the host's own,
	// or if only the engine was asked.
	Map idmap.Map

	cgroups []string
}

// IDs are the credentials of one thread in IDs of the host, credentials(7):
// real, effective, saved and of the file system.
type IDs struct {
	TID      int
	UID, GID [4]int64
	Groups   []int64 // supplementary
}

func (a IDs) same(b IDs) bool {
	return a.UID == b.UID && a.GID == b.GID && slices.Equal(a.Groups, b.Groups)
}

// errMany: the answer was cut, so processes are missing in it.
var errMany = errors.New("the host has more threads than this program reads")

// Names of the answers that a look at processes consists of.
const (
	statusLines = "status of threads"
	cgroupLines = "cgroups of processes"
	uidMapLines = "uid_map of processes"
	gidMapLines = "gid_map of processes"
)

// readProcesses reads all that is to be known of the processes that globs such as
// "/proc/[0-9]*" match. It is one round trip.
//
// Of the cgroups the first hierarchies are enough: runc puts a process into the
// container's group in each of them.
func readProcesses(ctx context.Context, h host.Host, globs []string) ([]Process, error) {
	a, err := h.Look(ctx, host.Questions{Lines: []host.Lines{
		{Name: statusLines, Globs: below(globs, "task/[0-9]*/status"), Prefixes: []string{"Name:", "PPid:", "Uid:", "Gid:", "Groups:"}},
		{Name: cgroupLines, Globs: below(globs, "cgroup"), Prefixes: []string{"0::", "1:", "2:"}},
		{Name: uidMapLines, Globs: below(globs, "uid_map"), Except: idmap.ProcIdentity},
		{Name: gidMapLines, Globs: below(globs, "gid_map"), Except: idmap.ProcIdentity},
	}})
	if err != nil {
		return nil, err
	}
	for _, text := range a.Lines {
		if text.Truncated {
			return nil, errMany
		}
	}
	return processesIn(a), nil
}

var allProcesses = []string{"/proc/[0-9]*"}

func globsOf(pids []int) []string {
	globs := make([]string, len(pids))
	for i, pid := range pids {
		globs[i] = "/proc/" + strconv.Itoa(pid)
	}
	return globs
}

func below(dirs []string, name string) []string {
	globs := make([]string, len(dirs))
	for i, dir := range dirs {
		globs[i] = dir + "/" + name
	}
	return globs
}

// processesIn reads the answers, sorted by PID. A process that ended before all
// of it was read is left out.
func processesIn(a host.Answers) []Process {
	byPID := map[int]*Process{}
	for path, lines := range a.Lines[statusLines].Files {
		pid, tid := pidIn(path, 2), pidIn(path, 4)
		st := host.ParseStatus(lines)
		if !st.Known() || pid == 0 || tid == 0 {
			continue
		}
		p := byPID[pid]
		if p == nil {
			p = &Process{PID: pid}
			byPID[pid] = p
		}
		p.Count++
		p.Threads = append(p.Threads, IDs{TID: tid, UID: st.UIDs, GID: st.GIDs, Groups: st.Groups})
		if pid == tid {
			p.Name, p.Parent = st.Name, st.Parent
		}
	}
	for path, lines := range a.Lines[cgroupLines].Files {
		if p := byPID[pidIn(path, 2)]; p != nil {
			p.cgroups = lines
		}
	}
	for path, lines := range a.Lines[uidMapLines].Files {
		if p := byPID[pidIn(path, 2)]; p != nil {
			p.Map.UID = idmap.FromProc(lines)
			p.Map.GID = idmap.FromProc(a.Lines[gidMapLines].Files[strings.TrimSuffix(path, "uid_map")+"gid_map"])
		}
	}
	var all []Process
	for _, p := range byPID {
		p.tidy()
		all = append(all, *p)
	}
	slices.SortFunc(all, func(a, b Process) int { return cmp.Compare(a.PID, b.PID) })
	return all
}

// tidy puts the first thread first, and leaves out those that are as it is.
func (p *Process) tidy() {
	slices.SortFunc(p.Threads, func(a, b IDs) int { return cmp.Compare(a.TID, b.TID) })
	if i := slices.IndexFunc(p.Threads, func(t IDs) bool { return t.TID == p.PID }); i > 0 {
		first := p.Threads[i]
		p.Threads = slices.Insert(slices.Delete(p.Threads, i, i+1), 0, first)
	}
	first := p.Threads[0]
	p.Threads = slices.DeleteFunc(p.Threads, func(t IDs) bool { return t.TID != first.TID && t.same(first) })
}

// pidIn takes a number out of a path such as /proc/PID/task/TID/status.
func pidIn(path string, part int) int {
	parts := strings.Split(path, "/")
	if len(parts) <= part {
		return 0
	}
	pid, _ := strconv.Atoi(parts[part])
	return pid
}
