package audit

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/moby/sys/user"
)

// runAs is what comes of an image's configured USER.
type runAs struct {
	startable  bool
	uids, gids []int64 // what a map must take for it
	findings   []Finding
}

// user resolves the configured USER as engines do (getUser of dockerd's
// daemon/oci_linux.go, GetExecUser of moby/sys/user), through the image's own
// passwd and group, and compares it with the map. Here the alias of root does
// not pass: the kernel has to give the process its IDs.
func (j *join) user() runAs {
	passwd, _ := final(j.layers, passwdOf)
	group, _ := final(j.layers, groupOf)
	spec := j.img.Config.User
	if why := unread(spec, passwd, group); why != "" {
		return j.untoldUser(spec, why)
	}
	u, err := user.GetExecUser(spec, nil, reader(passwd), reader(group))
	if err != nil {
		return runAs{findings: []Finding{userFinding(Error, -1, -1,
			fmt.Sprintf("no container can start as USER %s, on any engine: %v", spec, err), // engine's words
			fmt.Sprintf("name a user that /etc/passwd has, or a number below %d", j.gentle())),
		}}
	}
	return j.weigh(spec, u)
}

func passwdOf(l *facts) *accountFile { return &l.passwd }
func groupOf(l *facts) *accountFile  { return &l.group }

// reader is nil if the image has no such file, as GetExecUser wants it.
func reader(f *accountFile) io.Reader {
	if !f.present {
		return nil
	}
	return bytes.NewReader(f.data)
}

// unread says why a USER cannot be resolved, "" if it can. UID and GID in
// numbers need no file.
func unread(spec string, passwd, group *accountFile) string {
	name, grp, _ := strings.Cut(spec, ":")
	_, uidErr := strconv.Atoi(name)
	_, gidErr := strconv.Atoi(grp)
	if uidErr == nil && gidErr == nil {
		return ""
	}
	if passwd.unread != "" {
		return passwd.unread
	}
	return group.unread
}

// untoldUser answers for a USER whose files cannot be read: a number is known to
// be mapped or not all the same, of a name nothing is.
func (j *join) untoldUser(spec, why string) runAs {
	name, _, _ := strings.Cut(spec, ":")
	if name == "" {
		name = "0"
	}
	if uid, err := strconv.ParseInt(name, 10, 32); err == nil {
		r := j.weigh(spec, &user.ExecUser{Uid: int(uid)})
		if r.startable {
			r.findings = []Finding{userFinding(Warning, uid, -1, fmt.Sprintf("the groups of USER %s are unknown: %s", name, why), "give USER in numbers, UID:GID")}
		}
		return r
	}
	return runAs{findings: []Finding{userFinding(Warning, -1, -1,
		fmt.Sprintf("could not determine whether a container can start as USER %s: %s", spec, why), "give USER in numbers, UID:GID")}}
}

// weigh compares a resolved user with the map. The engine sets the UID, the GID
// and the supplementary groups, and one that is unmapped is enough to fail.
func (j *join) weigh(spec string, u *user.ExecUser) runAs {
	r := runAs{startable: true, uids: []int64{int64(u.Uid)}, gids: []int64{int64(u.Gid)}}
	for _, g := range u.Sgids {
		r.gids = append(r.gids, int64(g))
	}
	if spec == "" {
		spec = "root"
	}
	bad := int64(u.Gid)
	var what string
	for i := len(r.gids) - 1; i >= 0; i-- {
		if !j.gid.kernel(r.gids[i]) {
			bad, what = r.gids[i], fmt.Sprintf("group %d", r.gids[i])
		}
	}
	if !j.uid.kernel(int64(u.Uid)) {
		what = fmt.Sprintf("UID %d", u.Uid)
	}
	if what == "" {
		return r
	}
	r.startable = false
	f := userFinding(Error, int64(u.Uid), bad,
		fmt.Sprintf("USER %s has the %s, which is not mapped: no container can start as it", spec, what), "")
	var ids []int64
	for _, id := range append(r.gids, int64(u.Uid)) {
		if !j.gid.kernel(id) || !j.uid.kernel(id) {
			ids = append(ids, id)
		}
	}
	if j.cure(&f, layerPlan{}, ids...); f.Fix == "" {
		f.Fix = fmt.Sprintf("give the account IDs below %d where it is made (useradd -u, groupadd -g), or set USER to such a number", j.gentle())
	}
	r.findings = []Finding{f}
	return r
}

// gentle is the size of the map for UIDs and GIDs alike, for a person.
func (j *join) gentle() int64 {
	return min(j.opt.Map.UID.Size(), j.opt.Map.GID.Size())
}

func userFinding(s Severity, uid, gid int64, message, fix string) Finding {
	return Finding{
		Rule: UnmappedUser, Severity: s, Layer: NoLayer, UID: uid, GID: gid,
		Count: 1, Paths: []string{}, Cause: CauseUser, Message: escape.Line(message), Fix: fix,
	}
}
