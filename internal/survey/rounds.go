package survey

import (
	"path"
	"strconv"

	"github.com/docker-userns/docker-userns/internal/host"
)

// Commands of the first round, in their order.
const (
	cmdUsers = iota
	cmdGroups
	cmdUnits
)

// first is the round that needs to know nothing.
func first(maps bool) host.Questions {
	lines := []host.Lines{{Name: names, Globs: []string{"/proc/[0-9]*/status"}, Prefixes: []string{"Name:\t" + program, "Name:\t" + shimName, "Uid:\t0\t0\t0\t0"}}}
	if maps {
		lines = append(lines,
			host.Lines{Name: uidMaps, Globs: []string{"/proc/[0-9]*/uid_map"}, Except: identity},
			host.Lines{Name: gidMaps, Globs: []string{"/proc/[0-9]*/gid_map"}, Except: identity})
	}
	files := []string{
		subuidFile, subgidFile, loginDefs, hostConfig, snapConfig, pidFile, maxUserns, unprivileged, appArmor, selinux,
		maxKeys, maxKeyBytes, keyUsers,
		"/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/os-release", "/proc/sys/kernel/osrelease",
		"/proc/1/uid_map", "/proc/1/gid_map", "/proc/1/comm", mountInfo, pendingManifest,
	}
	stats := []string{
		subuidFile, subgidFile, loginDefs, hostConfig, "/etc/docker", snapConfig, path.Dir(snapConfig),
		"/run/systemd/system", "/run/openrc", "/etc/init.d/docker", "/proc/self/ns/user", ChangeFolder, PendingLink, pendingFolder,
	}
	return host.Questions{
		Files:    append(files, defaults...),
		Stats:    stats,
		Attrs:    []string{subuidFile, subgidFile, hostConfig, "/etc/docker"},
		Reals:    []string{hostConfig, snapConfig},
		Lines:    lines,
		Links:    spaces("/proc/self"),
		Programs: programs,
		Commands: []host.Command{
			{Args: []string{"timeout", "5", "getent", "passwd"}},
			{Args: []string{"timeout", "5", "getent", "group"}},
			{Args: []string{"timeout", "5", "systemctl", "show", "--no-pager", properties,
				hostUnit, "docker.socket", snapUnit}},
		},
	}
}

// second asks for what the first round and the engine have named: the processes
// of dockerd and of the containers, the data root, the mounts, the unit's files.
func (l *look) second() host.Questions {
	var q host.Questions
	for _, pid := range l.dockerds {
		dir := "/proc/" + strconv.Itoa(pid)
		q.Files = append(q.Files, dir+"/cmdline", dir+"/cgroup", dir+"/status")
		q.Links = append(append(q.Links, dir+"/exe"), spaces(dir)...)
	}
	q.Lines = l.containerLines()
	q.Links = append(q.Links, l.askShims()...)
	for _, c := range l.containers {
		q.Inside = append(q.Inside, c.accountFiles()...)
	}
	q.ACLs = true
	l.askSources(&q)
	if file := l.idFile(); file != "" {
		q.Files = append(q.Files, file)
	}
	askRoot(&q, l.dataRoot())
	for _, unit := range l.units {
		q.Files = append(q.Files, unit.DropIns...)
		if unit.Program != "" {
			q.Files, q.Reals = append(q.Files, unit.File), append(q.Reals, unit.Program)
		}
		for _, f := range unit.EnvironmentFiles {
			q.Files = append(q.Files, f.Path)
		}
	}
	askConfig(&q, l.startedWith())
	return l.unasked(q)
}

// third asks for what the second round has named: what symlinks lead to, a
// configuration file of another place, a unit of another name, and the remapped
// trees of the data root.
func (l *look) third() host.Questions {
	var q host.Questions
	q.ACLs = true
	l.askReals(&q)
	l.askSockets(&q)
	root, next := l.dataRoot(), l.startedWith()
	askRoot(&q, root)
	q.Stats = append(q.Stats, chain(l.real(root))...)
	askConfig(&q, next)
	q.Reals = append(q.Reals, l.configuredRoot(next))
	if next.Exe != "" {
		q.Stats = append(q.Stats, chain(next.Exe)...)
	}
	for _, name := range l.seen.Dirs[root].Names {
		if _, _, ok := treeName(name); ok {
			q.Stats = append(q.Stats, path.Join(root, name))
			q.Dirs = append(q.Dirs, layerFolder(path.Join(root, name), l.driver()))
		}
	}
	for _, pid := range l.dockerds {
		l.askProcess(&q, l.process(pid))
	}
	return l.unasked(q)
}
