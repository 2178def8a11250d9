package survey

import (
	"github.com/docker-userns/docker-userns/internal/host"
)

// Tools says where programs are, by name: useradd, adduser, usermod, groupadd,
// systemctl, systemd-run, getent, getfacl, setfacl, restorecon, runc, sudo. Those that are not
// there have no entry.
type Tools map[string]string

var programs = []string{
	"useradd", "adduser", "usermod", "groupadd", "getent", "getsubids", "systemctl", "systemd-run", "service",
	"rc-service", "snap", "getfacl", "setfacl", "restorecon", "runc", "sudo", "dockerd", "lsattr", "sha256sum",
}

var toolsTopic = topic{
	first:  func(_ *look, q *host.Questions) { q.Programs = append(q.Programs, programs...) },
	read:   func(l *look, f *Facts) { f.Tools.Value = l.seen.Programs },
	unread: func(f *Facts, err error) { f.Tools.Err = err },
}
