package survey

import (
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
)

// Files of the kernel.
const (
	kernelRelease = "/proc/sys/kernel/osrelease"
	maxUserns     = "/proc/sys/user/max_user_namespaces"
	unprivileged  = "/proc/sys/kernel/unprivileged_userns_clone"
	appArmor      = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"
	maxKeys       = "/proc/sys/kernel/keys/maxkeys"
	maxKeyBytes   = "/proc/sys/kernel/keys/maxbytes"
	keyUsers      = "/proc/key-users"
	selinux       = "/sys/fs/selinux/enforce"
)

// Kernel is what the host's kernel allows.
type Kernel struct {
	Release string // uname -r
	// UserNamespaces reports whether they are built in: /proc/self/ns/user is there.
	UserNamespaces bool
	MaxUserns      Read[int64]     // sysctl user.max_user_namespaces
	Unprivileged   Read[int64]     // kernel.unprivileged_userns_clone: Debian's patch; fs.ErrNotExist elsewhere
	AppArmor       Read[int64]     // kernel.apparmor_restrict_unprivileged_userns; fs.ErrNotExist before 6.x or without AppArmor
	MaxKeys        Read[int64]     // kernel.keys.maxkeys, of each user but root; fs.ErrNotExist where the kernel has no keyrings
	MaxKeyBytes    Read[int64]     // kernel.keys.maxbytes, likewise
	Keys           map[int64]int64 // by UID: the keys that count against it, /proc/key-users
	SELinux        string          // "enforcing", "permissive", "" if it is off
	Map            idmap.Map       // of process 1: whether the host is itself a container; empty if it was not read
	Init           string          // comm of process 1, e.g. "systemd"
	OSRelease      map[string]string
}

var kernelTopic = topic{
	first: func(_ *look, q *host.Questions) {
		q.Files = append(q.Files, maxUserns, unprivileged, appArmor, selinux, maxKeys, maxKeyBytes, keyUsers, kernelRelease,
			"/proc/1/uid_map", "/proc/1/gid_map", "/proc/1/comm", "/etc/os-release")
		q.Stats = append(q.Stats, "/proc/self/ns/user")
	},
	read: func(l *look, f *Facts) {
		f.Kernel = Read[Kernel]{Value: l.kernel(), Err: l.seen.Files[kernelRelease].Err}
	},
	unread: func(f *Facts, err error) { f.Kernel.Err = err },
}

func (l *look) kernel() Kernel {
	k := Kernel{
		Release:        trimmed(l.seen.Files[kernelRelease]),
		UserNamespaces: l.seen.Stats["/proc/self/ns/user"].Err == nil,
		MaxUserns:      number(l.seen.Files[maxUserns]),
		Unprivileged:   number(l.seen.Files[unprivileged]),
		AppArmor:       number(l.seen.Files[appArmor]),
		MaxKeys:        number(l.seen.Files[maxKeys]),
		MaxKeyBytes:    number(l.seen.Files[maxKeyBytes]),
		Keys:           quotaKeys(string(l.seen.Files[keyUsers].Data)),
		Map: idmap.Map{
			UID: idmap.FromProc(textLines(l.seen.Files["/proc/1/uid_map"])),
			GID: idmap.FromProc(textLines(l.seen.Files["/proc/1/gid_map"])),
		},
		Init:      trimmed(l.seen.Files["/proc/1/comm"]),
		OSRelease: osRelease(string(l.seen.Files["/etc/os-release"].Data)),
	}
	switch trimmed(l.seen.Files[selinux]) {
	case "1":
		k.SELinux = "enforcing"
	case "0":
		k.SELinux = "permissive"
	}
	return k
}

// number reads a sysctl's file.
func number(b host.Body) Read[int64] {
	if b.Err != nil {
		return Read[int64]{Err: b.Err}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b.Data)), 10, 64)
	return Read[int64]{Value: n, Err: err}
}

// osRelease reads os-release(5).
func osRelease(data string) map[string]string {
	values := map[string]string{}
	for line := range strings.Lines(data) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok && !strings.HasPrefix(key, "#") {
			values[key] = strings.Trim(value, `"'`)
		}
	}
	return values
}

// quotaKeys reads /proc/key-users, keyrings(7): a user's line is
// "UID: usage nkeys/nikeys qnkeys/maxkeys qnbytes/maxbytes".
func quotaKeys(users string) map[int64]int64 {
	keys := map[int64]int64{}
	for line := range strings.Lines(users) {
		uid, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		n, known := id(uid)
		f := strings.Fields(rest)
		if !known || len(f) != 4 {
			continue
		}
		used, _, _ := strings.Cut(f[2], "/")
		if taken, ok := id(used); ok {
			keys[n] = taken
		}
	}
	return keys
}
