package probe

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
)

// errElsewhere: the host is not the machine that the daemon runs on.
var errElsewhere = errors.New("the process is not visible there: it is another host than the daemon's, or another PID namespace")

// observeOutside fills in what the host sees of the process and of its files. Where
// the host is out of reach, the engine says which IDs the process has.
func (p *Probe) observeOutside(ctx context.Context, c started, u *User, mark string) {
	proc := fmt.Sprintf("/proc/%d/", u.PID)
	q := host.Questions{Files: []string{proc + "status", proc + "uid_map", proc + "gid_map", proc + "cmdline"}}
	for _, file := range []string{u.Volume.Path, u.Bind.Path} {
		if file != "" {
			q.Stats = append(q.Stats, file)
		}
	}
	seen, err := p.Host.Look(ctx, q)
	if err == nil {
		err = u.fromProc(seen, proc, mark)
	}
	if err != nil {
		u.Volume.Seen, u.Bind.Seen = err, err
		p.observeByTop(ctx, c, u, err)
		return
	}
	for _, f := range []*File{&u.Volume, &u.Bind} {
		if f.Path != "" {
			stat := seen.Stats[f.Path]
			f.UID, f.GID, f.Seen = stat.UID, stat.GID, stat.Err
		}
	}
}

// fromProc takes what /proc of the host says. The arguments of the process tell
// it from one that has the same number on another machine.
func (u *User) fromProc(seen host.Answers, proc, mark string) error {
	for _, body := range []host.Body{seen.Files[proc+"cmdline"], seen.Files[proc+"status"]} {
		if body.Err != nil {
			return body.Err
		}
	}
	if !strings.Contains(string(seen.Files[proc+"cmdline"].Data), mark) {
		return errElsewhere
	}
	files := map[string][]string{}
	for _, name := range []string{"uid_map", "gid_map", "status"} {
		files[name] = strings.Split(string(seen.Files[proc+name].Data), "\n")
	}
	u.Outside, u.By = viewOf(files), ByProc
	return nil
}

// topColumns are IDs of the host, as ps(1) of procps says them there: the engine
// runs it outside of the container (daemon/top_unix.go).
const topColumns = "pid,ruid,euid,suid,fuid,rgid,egid,sgid,fgid"

// observeByTop asks the engine instead of the host.
func (p *Probe) observeByTop(ctx context.Context, c started, u *User, why error) {
	top, err := p.API.ContainerTop(ctx, c.name, []string{"-eo", topColumns})
	if err != nil {
		u.Err = fmt.Errorf("%w; asking the engine with docker top instead: %w", why, err)
		return
	}
	for _, row := range top.Processes {
		if s, ok := fromTop(row, u.PID); ok {
			u.Outside, u.By = s, ByTop
			return
		}
	}
	u.Err = fmt.Errorf("%w; docker top does not list the process either", why)
}

func fromTop(row []string, pid int) (s View, ok bool) {
	if len(row) != 9 || row[0] != strconv.Itoa(pid) {
		return s, false
	}
	for i := range 4 {
		var errUID, errGID error
		s.UIDs[i], errUID = strconv.ParseInt(row[1+i], 10, 64)
		s.GIDs[i], errGID = strconv.ParseInt(row[5+i], 10, 64)
		if errUID != nil || errGID != nil {
			return s, false
		}
	}
	return s, true
}
