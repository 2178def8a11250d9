package survey

import "github.com/docker-userns/docker-userns/internal/host"

// TextFile is a small file of the host. Where it is not there, the Read it
// stands in has fs.ErrNotExist; where it is no regular file, host.ErrNotRegular
// (Stat says what it is). It was not opened then.
type TextFile struct {
	Path      string
	Data      []byte
	Truncated bool // longer than host.MaxFile: Data is its beginning
	Stat      host.Stat
}

// Accounts are the users and groups of the host: of the files, and of whatever
// else nsswitch.conf(5) names, through getent(1).
type Accounts struct {
	Users  []Entry
	Groups []Entry
	// Incomplete says that getent is missing or failed, or that an answer was
	// cut: there may be more.
	Incomplete bool
	LoginDefs  TextFile // /etc/login.defs, for SUB_UID_MIN and its like
	// SubIDSource is what nsswitch.conf names for "subid"; "" means files.
	// dockerd reads files only.
	SubIDSource string
	// RealHomes are where homes are, by the path that passwd(5) has, symlinks
	// followed. Those that are missing have no entry.
	RealHomes map[string]string
	// FarHomes says that some homes are on file systems that are not looked at: see
	// [Near]. Where their symlinks lead to is not known.
	FarHomes bool
	// ManyHomes says that there are more than are looked at.
	ManyHomes bool
}

// Entry is a line of passwd(5) or group(5). Lines that are no such thing are
// left out.
type Entry struct {
	Name    string
	ID      int64
	GID     int64  // the primary group of a user
	Comment string // of a user
	Shell   string // of a user
	Home    string
	Members []string // of a group
	File    bool     // stands in /etc/passwd or /etc/group itself
}

// Kernel is what the host's kernel allows.
type Kernel struct {
	Release string // uname -r
	// UserNamespaces says whether they are built in: /proc/self/ns/user is there.
	UserNamespaces bool
	MaxUserns      Read[int64]     // sysctl user.max_user_namespaces
	Unprivileged   Read[int64]     // kernel.unprivileged_userns_clone: Debian's patch; fs.ErrNotExist elsewhere
	AppArmor       Read[int64]     // kernel.apparmor_restrict_unprivileged_userns; fs.ErrNotExist before 6.x or without AppArmor
	MaxKeys        Read[int64]     // kernel.keys.maxkeys, of each user but root; fs.ErrNotExist where the kernel has no keyrings
	MaxKeyBytes    Read[int64]     // kernel.keys.maxbytes, likewise
	Keys           map[int64]int64 // by UID: the keys that count against it, /proc/key-users
	SELinux        string          // "enforcing", "permissive", "" where it is off
	UIDMap, GIDMap []string        // lines of /proc/1/uid_map: whether the host is itself a container
	Init           string          // comm of process 1, e.g. "systemd"
	OSRelease      map[string]string
}

// LiveMap is an ID map that processes of the host run under now, and is not the
// host's own.
type LiveMap struct {
	PIDs     []int // that have it, up to a hundred
	UID, GID []string
}

// Tools says where programs are, by name: useradd, adduser, usermod, groupadd,
// systemctl, systemd-run, getent, getfacl, setfacl, restorecon, runc, sudo. Those that are not
// there have no entry.
type Tools map[string]string

// Pending is a change that enable or disable armed and that is not yet settled.
type Pending struct {
	Dir      string // its folder in /var/lib/docker-userns
	Manifest TextFile
}
