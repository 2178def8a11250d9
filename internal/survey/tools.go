package survey

// Tools says where programs are, by name: useradd, adduser, usermod, groupadd,
// systemctl, systemd-run, getent, getfacl, setfacl, restorecon, runc, sudo. Those that are not
// there have no entry.
type Tools map[string]string

var programs = []string{
	"useradd", "adduser", "usermod", "groupadd", "getent", "getsubids", "systemctl", "systemd-run", "service",
	"rc-service", "snap", "getfacl", "setfacl", "restorecon", "runc", "sudo", "dockerd", "lsattr", "sha256sum",
}
