package access

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/dockerd"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// grounds are the folders below which rights may be given, with how many names
// below them a path has to have. They hold data by custom; whatever is not in one
// of them may be the system's, somebody's home, or a secret.
var grounds = []struct {
	dir   string
	below int
}{
	{"/srv", 1}, {"/data", 0}, {"/storage", 0}, {"/mnt", 1}, {"/media", 1}, {"/opt", 2}, {"/var/www", 1}, {"/app", 0}, {"/apps", 1},
}

// names are those of folders that belong to the system, to people or to a runtime
// wherever they are.
var names = []string{
	"home", "homes", "user", "users", "root", "rootfs", "sysroot", "cron", "crontabs", "sudoers.d", "systemd", "ssl", "pki", "secrets",
	"containerd", "cni", "crio", "docker-userns", "kubelet", "kubernetes", "podman", "lxc", "lxd", "incus", "libvirt",
}

// disks are the file systems that data is kept on.
var disks = []string{
	"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "jfs", "tmpfs", "overlay", "nfs", "nfs4", "ceph", "virtiofs", "9p",
}

// A Refusal says why no command is printed that gives anybody rights to a path,
// and what to do instead.
type Refusal struct{ Why, Instead string }

// Allowed reports whether a right to a path may be given by a command that is
// printed; nil if it may. It is the one place that decides so, by a list of what
// is allowed. The path is the real one, and so are all other names that the mount
// table gives it. To pass is to get the right to pass through a directory, and no
// more.
func Allowed(f survey.Facts, p survey.Path, pass bool) *Refusal {
	if r := place(f, p.Real, pass); r != nil {
		return r
	}
	if p.State != "" {
		return engineState(p.State)
	}
	if r := aliases(f, p.Real, pass); r != nil {
		return r
	}
	return replaceable(p)
}

// place decides by the name of a path alone.
func place(f survey.Facts, real string, pass bool) *Refusal {
	if !path.IsAbs(real) || path.Clean(real) != real {
		return &Refusal{Why: "could not determine where it leads"}
	}
	for _, root := range roots(f) {
		if survey.Within(real, root) || !pass && survey.Within(root, real) {
			return engineState(root)
		}
	}
	if r := homes(f, real); r != nil {
		return r
	}
	if !onGround(real) {
		return &Refusal{
			Why:     real + " may be part of the system, or hold what others rely on",
			Instead: "mount a folder made for the container instead, such as /srv/NAME with a copy of what it needs",
		}
	}
	for part := range strings.SplitSeq(strings.TrimPrefix(real, "/"), "/") {
		if lower := strings.ToLower(part); slices.Contains(names, lower) || strings.HasPrefix(lower, ".") || strings.HasPrefix(lower, "cron.") {
			return &Refusal{
				Why:     fmt.Sprintf("%q in %s is the name of a folder with keys, settings or a runtime's state", part, real),
				Instead: "copy what the container needs to a folder such as /srv/NAME, and mount that",
			}
		}
	}
	return nil
}

func onGround(real string) bool {
	for _, g := range grounds {
		if survey.Within(real, g.dir) && strings.Count(strings.TrimPrefix(real, g.dir), "/") >= g.below {
			return true
		}
	}
	return false
}

func engineState(root string) *Refusal {
	return &Refusal{
		Why:     "it is, or holds, the state of an engine or a runtime (" + root + ")",
		Instead: "mount a volume by its name, or a folder of its own such as /srv/NAME",
	}
}

// roots are the directories that hold what engines and runtimes keep.
func roots(f survey.Facts) []string {
	s := f.Storage.Value
	all := []string{
		"/var/lib/docker", "/var/lib/docker-userns", "/var/lib/containerd", "/var/lib/containers", "/var/lib/kubelet", "/var/snap/docker",
		s.DataRoot, dockerd.PlainRoot(f.Engine.Value.DataRoot), s.Current, f.Engine.Value.DataRoot,
	}
	for _, other := range f.Daemon.Value.Others {
		all = append(all, other.DataRoot)
	}
	for _, flag := range []string{"data-root", "graph", "exec-root"} {
		root, _ := f.Daemon.Value.Flag(flag)
		all = append(all, root)
	}
	var clean []string
	for _, root := range all {
		if root = path.Clean(root); path.IsAbs(root) && root != "/" {
			clean = append(clean, root)
		}
	}
	return clean
}

// homes refuses what lies in the home of an account, and what holds one.
func homes(f survey.Facts, real string) *Refusal {
	if f.Accounts.Err != nil {
		return &Refusal{Why: "could not determine where the home directories are: " + f.Accounts.Err.Error()}
	}
	if f.Accounts.Value.ManyHomes {
		return &Refusal{Why: "this host has more home directories than are looked at, and it may be one of them", Instead: "mount a volume by its name"}
	}
	if f.Accounts.Value.FarHomes && !survey.Near(f.MountTable.Value, real) {
		return &Refusal{
			Why:     "home directories of this host are on network file systems, and it may be in one of them",
			Instead: "mount a folder on a disk of the host, such as /srv/NAME",
		}
	}
	for _, user := range f.Accounts.Value.Users {
		home := path.Clean(user.Home)
		for _, h := range []string{home, f.Accounts.Value.RealHomes[home]} {
			if path.IsAbs(h) && h != "/" && (survey.Within(real, h) || survey.Within(h, real)) {
				return &Refusal{
					Why:     fmt.Sprintf("it is in, or holds, the home of the account %s (%s), and programs such as sshd refuse a home directory that others have access to", user.Name, h),
					Instead: "copy what the container needs to a folder such as /srv/NAME, and mount that",
				}
			}
		}
	}
	return nil
}

// replaceable refuses a path that somebody else than root can put something else
// in the place of, such as a link to another one, while the command runs.
func replaceable(p survey.Path) *Refusal {
	if len(p.Parents) == 0 || p.Parents[len(p.Parents)-1].Path != path.Dir(p.Real) {
		return &Refusal{Why: "the folders above it were not looked at"}
	}
	for _, parent := range p.Parents {
		switch s := parent.Stat; {
		case s.Err != nil, s.ACL.Err != nil, !s.Mode.IsDir():
			return &Refusal{Why: "could not determine who can write to " + parent.Path}
		case s.UID != 0, s.Mode.Perm()&0o022 != 0:
			return &Refusal{
				Why:     fmt.Sprintf("others than root can write to %s (%s, owner %d), and could put a link in its place", parent.Path, s.Mode, s.UID),
				Instead: "mount a folder whose parents only root can write to, such as /srv/NAME",
			}
		}
	}
	return nil
}
