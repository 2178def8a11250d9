package probe

import (
	"fmt"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/report"
)

// expected are the host IDs of a container's IDs. -1 stands for none.
func expected(m idmap.Map, uid, gid int64) (hostUID, hostGID int64) {
	if m.Empty() {
		return uid, gid
	}
	hostUID, hostGID = -1, -1
	if id, ok := m.UID.ToHost(uid); ok {
		hostUID = id
	}
	if id, ok := m.GID.ToHost(gid); ok {
		hostGID = id
	}
	return hostUID, hostGID
}

// firstUser makes a result of the process of root, secondUser of that of UID 1000.
func firstUser(result func(User, idmap.Map) report.Result) func(Report) report.Result {
	return userAt(0, result)
}

func secondUser(result func(User, idmap.Map) report.Result) func(Report) report.Result {
	return userAt(1, result)
}

func userAt(i int, result func(User, idmap.Map) report.Result) func(Report) report.Result {
	return func(r Report) report.Result {
		if i >= len(r.Users) {
			return report.Unsure("could not find a process of the test container")
		}
		return result(r.Users[i], r.Map)
	}
}

func mapResult(u User, m idmap.Map) report.Result {
	got := u.Inside.Map
	details := []report.Detail{{Name: "uid_map", Note: got.UID.String()}, {Name: "gid_map", Note: got.GID.String()}}
	if m.Empty() {
		uid, okUID := got.UID.ToHost(0)
		gid, okGID := got.GID.ToHost(0)
		if !okUID || !okGID || uid != 0 || gid != 0 {
			return report.Fail("remap should be off, but UID 0 of a new container is UID %d on the host (map %s)", got.UID.Root(), got.UID).With(details...)
		}
		return report.Pass("UID 0 of a container is UID 0 on the host: remap is off")
	}
	if !slices.Equal(got.UID, m.UID) || !slices.Equal(got.GID, m.GID) {
		return report.Fail("a new container has the map %s for UIDs and %s for GIDs, instead of %s and %s", got.UID, got.GID, m.UID, m.GID).With(details...)
	}
	return report.Pass("UIDs %s, GIDs %s", got.UID, got.GID)
}

func processResult(u User, m idmap.Map) report.Result {
	if u.Err != nil {
		return report.Unread(fmt.Sprintf("the host IDs of UID %d of a new container", u.UID), u.Err)
	}
	uid, gid := expected(m, u.UID, u.GID)
	inside := fmt.Sprintf("%d:%d in the container", u.Inside.UIDs[1], u.Inside.GIDs[1])
	outside := fmt.Sprintf("%d:%d on the host (PID %d, seen by %s)", u.Outside.UIDs[1], u.Outside.GIDs[1], u.PID, u.By)
	switch {
	case u.Inside.UIDs != allFour(u.UID) || u.Inside.GIDs != allFour(u.GID):
		return report.Fail("a process that was started as %d:%d has UIDs %v and GIDs %v in the container", u.UID, u.GID, u.Inside.UIDs, u.Inside.GIDs)
	case u.Outside.UIDs != allFour(uid) || u.Outside.GIDs != allFour(gid):
		return report.Fail("%s has UIDs %v and GIDs %v on the host (PID %d, seen by %s), instead of %d:%d", inside, u.Outside.UIDs, u.Outside.GIDs, u.PID, u.By, uid, gid)
	case u.By == ByProc && !sameGroups(u, m):
		return report.Fail("%s is %s, but its supplementary groups %v are %v there", inside, outside, u.Inside.Groups, u.Outside.Groups)
	}
	return report.Pass("%s is %s", inside, outside)
}

func allFour(id int64) [4]int64 { return [4]int64{id, id, id, id} }

func sameGroups(u User, m idmap.Map) bool {
	var want []int64
	for _, id := range u.Inside.Groups {
		_, gid := expected(m, 0, id)
		want = append(want, gid)
	}
	got := slices.Clone(u.Outside.Groups)
	slices.Sort(want)
	slices.Sort(got)
	return slices.Equal(want, got)
}

func volumeFiles(r Report) report.Result {
	return r.filesResult(func(u User) File { return u.Volume })
}

func bindFiles(r Report) report.Result {
	return r.filesResult(func(u User) File { return u.Bind })
}

// filesResult makes a result of the files of all users in one mount.
func (r Report) filesResult(of func(User) File) report.Result {
	if len(r.Users) == 0 {
		return report.Unsure("could not find a process of the test container")
	}
	var seen []string
	for _, u := range r.Users {
		f := of(u)
		uid, gid := expected(r.Map, u.UID, u.GID)
		switch {
		case f.Path == "" && f.Written != nil:
			return report.Unread("the owner of files that a new container writes", f.Written)
		case f.Written != nil:
			return report.Fail("UID %d of a new container cannot write: %v", u.UID, f.Written)
		case f.Seen != nil:
			return report.Unread("the owner of files that a new container writes", f.Seen)
		case f.UID != uid || f.GID != gid:
			return report.Fail("a file that %d:%d of a new container wrote belongs to %d:%d on the host, instead of %d:%d (%s)", u.UID, u.GID, f.UID, f.GID, uid, gid, f.Path)
		}
		seen = append(seen, fmt.Sprintf("%d:%d writes as %d:%d", u.UID, u.GID, f.UID, f.GID))
	}
	return report.Pass("%s on the host", strings.Join(seen, ", "))
}
