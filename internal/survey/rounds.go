package survey

import (
	"path"
	"strconv"

	"github.com/docker-userns/docker-userns/internal/host"
)

// Files that are always asked for.
const (
	subuidFile    = "/etc/subuid"
	subgidFile    = "/etc/subgid"
	loginDefs     = "/etc/login.defs"
	hostConfig    = "/etc/docker/daemon.json"
	snapConfig    = "/var/snap/docker/current/config/daemon.json"
	snapDataRoot  = "/var/snap/docker/common/var-lib-docker"
	plainDataRoot = "/var/lib/docker"
	pidFile       = "/var/run/docker.pid"
	hostUnit      = "docker.service"
	snapUnit      = "snap.docker.dockerd.service"

	maxUserns    = "/proc/sys/user/max_user_namespaces"
	unprivileged = "/proc/sys/kernel/unprivileged_userns_clone"
	appArmor     = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"
	maxKeys      = "/proc/sys/kernel/keys/maxkeys"
	maxKeyBytes  = "/proc/sys/kernel/keys/maxbytes"
	keyUsers     = "/proc/key-users"
	selinux      = "/sys/fs/selinux/enforce"

	names   = "names and UIDs"
	uidMaps = "uid_map"
	gidMaps = "gid_map"
	status  = "status"
	inUID   = "uid_map of containers"
	inGID   = "gid_map of containers"
)

// defaults are the files that init scripts read variables from.
var defaults = []string{"/etc/default/docker", "/etc/conf.d/docker", "/etc/sysconfig/docker", "/etc/sysconfig/docker-storage"}

var programs = []string{
	"useradd", "adduser", "usermod", "groupadd", "getent", "getsubids", "systemctl", "systemd-run", "service",
	"rc-service", "snap", "getfacl", "setfacl", "restorecon", "runc", "sudo", "dockerd", "lsattr", "sha256sum",
}

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

// spaces are the links that tell in which namespaces a process is.
func spaces(dir string) []string {
	return []string{dir + "/ns/user", dir + "/ns/mnt", dir + "/ns/pid"}
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

// askProcess asks for what a process that may be a dockerd has named. Which one is
// the daemon is decided once all of it is there.
func (l *look) askProcess(q *host.Questions, d process) {
	if len(d.Args) == 0 || l.stranger(d) != "" {
		return // what a stranger names is not opened
	}
	if path.IsAbs(d.Exe) {
		q.Stats = append(q.Stats, chain(d.Exe)...)
	}
	askConfig(q, d)
	root := l.configuredRoot(d)
	q.Reals = append(q.Reals, root)
	if l.engine == nil {
		askRoot(q, root)
	}
	if _, known := l.units[d.unit]; d.unit != "" && !known {
		q.Commands = append(q.Commands, host.Command{Args: []string{"systemctl", "show", "--no-pager", properties, "--", d.unit}})
	}
}

// containerLines ask who the first process of each container is.
func (l *look) containerLines() []host.Lines {
	files := map[string][]string{}
	for _, c := range l.containers {
		if c.PID > 0 {
			for _, name := range []string{"status", "uid_map", "gid_map"} {
				files[name] = append(files[name], "/proc/"+strconv.Itoa(c.PID)+"/"+name)
			}
		}
	}
	if len(files) == 0 {
		return nil
	}
	return []host.Lines{
		{Name: status, Globs: files["status"], Prefixes: []string{"Uid:", "Gid:", "Groups:"}},
		{Name: inUID, Globs: files["uid_map"]},
		{Name: inGID, Globs: files["gid_map"]},
	}
}
