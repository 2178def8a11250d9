package survey

import (
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/docker-userns/docker-userns/internal/host"
)

// signs are what shows a directory to be the state of an engine or a runtime:
// dockerd's data root, containerd's, that of Podman and CRI-O, and kubelet's.
var signs = []string{
	"volumes/metadata.db", "io.containerd.metadata.v1.bolt", "libpod", "overlay-containers", "vfs-containers", "cpu_manager_state",
}

// maxHomes is how many homes are resolved: over ssh each is a process there.
const maxHomes = 512

// askSources asks where the links of each mount lead to, as the kernel follows
// them when the container starts, and what else decides whether a command may be
// printed for it: where the homes of all accounts are.
func (l *look) askSources(q *host.Questions) {
	q.Reals = append(append(q.Reals, l.sources()...), l.nearHomes()...)
}

// askReals asks for what the links led to.
func (l *look) askReals(q *host.Questions) {
	for _, p := range l.sources() {
		real := l.seen.Reals[p]
		if real.Err != nil || !path.IsAbs(real.Path) {
			continue
		}
		for _, dir := range chain(real.Path) {
			q.Stats = append(q.Stats, dir)
			for _, sign := range signs {
				q.Stats = append(q.Stats, path.Join(dir, sign))
			}
		}
	}
}

// sourceAt is what is known of a path that a container mounts.
func (l *look) sourceAt(p string) Path {
	real := l.seen.Reals[p]
	if real.Err != nil || !path.IsAbs(real.Path) {
		if real.Err == nil {
			real.Err = &fs.PathError{Op: "following", Path: p, Err: fs.ErrInvalid}
		}
		return Path{Real: path.Clean(p), Stat: host.Stat{Err: real.Err}}
	}
	found, need := pathOf(real.Path, l.seen.Stats)
	if len(need) > 0 { // a part of it became a link meanwhile
		return Path{Real: real.Path, Stat: host.Stat{Err: &fs.PathError{Op: "following", Path: p, Err: errMoved}}}
	}
	for _, dir := range chain(real.Path) {
		for _, sign := range signs {
			if s, ok := l.seen.Stats[path.Join(dir, sign)]; ok && s.Err == nil {
				found.State = dir
			}
		}
	}
	return found
}

// homes are those of all accounts, as passwd(5) has them.
func (l *look) homes() []string {
	set := map[string]bool{}
	for _, e := range append(parsePasswd(string(l.seen.Files["/etc/passwd"].Data)), l.users...) {
		if path.IsAbs(e.Home) && path.Clean(e.Home) != "/" {
			set[path.Clean(e.Home)] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// nearHomes are those on disks of the host. To look at others may take for ever, or
// have autofs(5) mount hundreds of them. Without a mount table no command is printed,
// so no home matters.
func (l *look) nearHomes() []string {
	table := mountTable(l.seen.Files[mountInfo])
	near := slices.DeleteFunc(l.homes(), func(home string) bool { return table.Err != nil || !Near(table.Value, home) })
	return near[:min(len(near), maxHomes)]
}

// realHomes are where the homes of accounts are, links followed.
func (l *look) realHomes() map[string]string {
	real := map[string]string{}
	for _, home := range l.nearHomes() {
		if r := l.seen.Reals[home]; r.Err == nil && path.IsAbs(r.Path) {
			real[home] = r.Path
		}
	}
	return real
}
