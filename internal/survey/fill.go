package survey

import (
	"io/fs"
	"path"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
)

// fill writes what was seen of the host into the facts, or why it does not
// count.
func (l *look) fill(f *Facts, err error) {
	if err != nil {
		f.unreadHost(err)
		l.seen = host.Answers{}
	} else {
		l.fillHost(f)
	}
	for i, c := range l.containers {
		l.containers[i].Identity = l.identity(c)
	}
}

func (l *look) fillHost(f *Facts) {
	f.SubUID, f.SubGID = l.text(subuidFile), l.text(subgidFile)
	f.Accounts = Read[Accounts]{Value: l.accounts(), Err: l.seen.Files["/etc/passwd"].Err}
	f.Kernel = Read[Kernel]{Value: l.kernel(), Err: l.seen.Files["/proc/sys/kernel/osrelease"].Err}
	f.Tools.Value = l.seen.Programs
	f.Maps.Value = liveMaps(l.seen.Lines[uidMaps], l.seen.Lines[gidMaps])
	f.MountTable = mountTable(l.seen.Files[mountInfo])
	f.Paths.Value = map[string]Path{}
	for _, source := range l.sources() {
		f.Paths.Value[source] = l.sourceAt(source)
	}
	d, running := l.daemon()
	if running {
		f.Daemon.Value = d.Daemon
		f.Daemon.Value.Others, f.Daemon.Value.Unread = l.others(d), l.unread
	} else {
		f.Daemon.Err = ErrNoProcess
	}
	f.Sockets = l.realSockets()
	f.Unit.Value = l.unit(d)
	f.Start = l.start(d, running, f.Unit.Value)
	if next, _, err := l.next(d, running, f.Unit.Value); err == nil {
		d = next
	} else if !running {
		d = l.startedWith()
	}
	f.Config = l.config(d)
	f.Storage = l.storage()
	f.Pending = l.pending()
}

// text is a file of the host with its stat.
func (l *look) text(p string) Read[TextFile] {
	body, asked := l.seen.Files[p]
	if !asked {
		body.Err = &fs.PathError{Op: "open", Path: p, Err: errNotAsked}
	}
	return Read[TextFile]{
		Value: TextFile{Path: p, Data: body.Data, Truncated: body.Truncated, Stat: l.seen.Stats[p]},
		Err:   body.Err,
	}
}

func (l *look) accounts() Accounts {
	read := func(p string) string { return string(l.seen.Files[p].Data) }
	return Accounts{
		Users:       merged(parsePasswd(read("/etc/passwd")), l.users),
		Groups:      merged(parseGroup(read("/etc/group")), l.groups),
		Incomplete:  l.partial || l.seen.Files["/etc/passwd"].Truncated || l.seen.Files["/etc/group"].Truncated,
		LoginDefs:   l.text(loginDefs).Value,
		SubIDSource: subIDSource(read("/etc/nsswitch.conf")),
		RealHomes:   l.realHomes(),
		FarHomes:    len(l.nearHomes()) < len(l.homes()),
		ManyHomes:   len(l.nearHomes()) == maxHomes,
	}
}

func (l *look) kernel() Kernel {
	k := Kernel{
		Release:        trimmed(l.seen.Files["/proc/sys/kernel/osrelease"]),
		UserNamespaces: l.seen.Stats["/proc/self/ns/user"].Err == nil,
		MaxUserns:      number(l.seen.Files[maxUserns]),
		Unprivileged:   number(l.seen.Files[unprivileged]),
		AppArmor:       number(l.seen.Files[appArmor]),
		MaxKeys:        number(l.seen.Files[maxKeys]),
		MaxKeyBytes:    number(l.seen.Files[maxKeyBytes]),
		Keys:           quotaKeys(string(l.seen.Files[keyUsers].Data)),
		UIDMap:         textLines(l.seen.Files["/proc/1/uid_map"]),
		GIDMap:         textLines(l.seen.Files["/proc/1/gid_map"]),
		Init:           trimmed(l.seen.Files["/proc/1/comm"]),
		OSRelease:      osRelease(string(l.seen.Files["/etc/os-release"].Data)),
	}
	switch trimmed(l.seen.Files[selinux]) {
	case "1":
		k.SELinux = "enforcing"
	case "0":
		k.SELinux = "permissive"
	}
	return k
}

func textLines(b host.Body) []string {
	text := strings.TrimRight(string(b.Data), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// pathAt is what is known of a path.
func (l *look) pathAt(p string) Path {
	found, need := pathOf(p, l.seen.Stats)
	if len(need) > 0 {
		found.Stat.Err = &fs.PathError{Op: "following", Path: p, Err: errManyLinks}
	}
	return found
}

// unit is how dockerd is started. A dockerd that is not the service's own
// process was started by something else.
func (l *look) unit(d process) Unit {
	u := l.service(d.unit)
	if d.PID > 0 && u.MainPID != d.PID {
		u = Unit{}
	}
	if u.Name == "" {
		u.Manager = l.manager(d)
	}
	if u.Manager == OpenRC || u.Manager == SysV {
		u.Name = "docker"
	}
	if socket := l.units["docker.socket"]; socket.LoadState == "loaded" {
		u.Socket = socket.Active
	}
	u.Files = l.unitFiles(u)
	return u
}

// unitFiles are the files that say with what flags a unit starts dockerd.
func (l *look) unitFiles(u Unit) []TextFile {
	var paths []string
	if u.File != "" {
		paths = append(paths, u.File)
	}
	paths = append(paths, u.DropIns...)
	for _, f := range u.EnvironmentFiles {
		paths = append(paths, f.Path)
	}
	if u.Manager == OpenRC || u.Manager == SysV {
		paths = append(paths, defaults...)
	}
	var files []TextFile
	for _, p := range paths {
		if t := l.text(p); t.Err == nil {
			files = append(files, t.Value)
		}
	}
	return files
}

// manager is what supervises dockerd where systemd has no unit for it. A process
// counts as that of an init script where it is the one of dockerd's PID file.
func (l *look) manager(d process) Manager {
	there := func(p string) bool { return l.seen.Stats[p].Err == nil }
	switch {
	case there("/run/systemd/system"), d.PID > 0 && d.PID != l.mainPID():
		return NoUnit
	case there("/run/openrc"):
		return OpenRC
	case there("/etc/init.d/docker"):
		return SysV
	}
	return NoUnit
}

func (l *look) config(d process) Read[ConfigFile] {
	if d.Config == "" {
		return Read[ConfigFile]{Err: ErrNoConfig}
	}
	t := l.text(d.Config)
	c := Read[ConfigFile]{Value: ConfigFile{TextFile: t.Value, Parent: l.seen.Stats[path.Dir(d.Config)]}, Err: t.Err}
	c.Value.Real = l.seen.Reals[d.Config].Path
	if t.Value.Stat.Target != "" {
		c.Value.Link = c.Value.Real
	}
	return c
}
