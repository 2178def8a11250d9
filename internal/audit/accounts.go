package audit

import (
	"bytes"
	"fmt"
	"strconv"
)

// accounts are the lines of the final passwd and group whose IDs no process can
// have. One finding a file: its IDs are those of the first such line.
func (j *join) accounts() []Finding {
	var all []Finding
	for _, file := range []struct {
		name string
		of   func(*facts) *accountFile
	}{{"etc/passwd", passwdOf}, {"etc/group", groupOf}} {
		f, layer := final(j.layers, file.of)
		if f.unread != "" {
			continue
		}
		if found := j.lines(file.name, f.data); found.Count > 0 {
			found.Layer = layer
			j.cureAccounts(&found, file.name, f.data)
			all = append(all, found)
		}
	}
	return all
}

// lines reads passwd(5) or group(5). A number that is none is the business of
// those who read the file; what does not fit 64 bits cannot be mapped either, but
// no tool takes it for an ID.
func (j *join) lines(name string, data []byte) Finding {
	f := Finding{Rule: UnmappedAccount, Severity: Warning, Paths: []string{}, Cause: CauseAccount}
	number := 0
	for line := range bytes.Lines(data) {
		number++
		fields := bytes.Split(bytes.TrimSpace(line), []byte(":"))
		uid, gid, ok := accountIDs(name, fields)
		if !ok || (name == "etc/group" || j.uid.kernel(uid)) && j.gid.kernel(gid) {
			continue
		}
		if j.opt.Asked != nil && !j.opt.Asked.id(uid, gid) {
			continue
		}
		if f.Count++; f.Count == 1 {
			f.UID, f.GID = uid, gid
		}
		f.Mixed = f.Mixed || uid != f.UID || gid != f.GID
		if j.opt.Paths < 0 || len(f.Paths) < j.opt.Paths {
			f.Paths = append(f.Paths, fmt.Sprintf("%s:%d (%s)", name, number, text(fields[0])))
		}
	}
	return f
}

// ids are the numbers of all lines.
func (f *accountFile) ids(name string) (all []int64) {
	for line := range bytes.Lines(f.data) {
		if uid, gid, ok := accountIDs(name, bytes.Split(bytes.TrimSpace(line), []byte(":"))); ok {
			all = append(all, uid, gid)
		}
	}
	return all
}

// accountIDs are the IDs of a line. A group has no UID: it counts as 0.
func accountIDs(name string, fields [][]byte) (uid, gid int64, ok bool) {
	if len(fields) < 3 || bytes.HasPrefix(fields[0], []byte("#")) {
		return 0, 0, false
	}
	first, err := strconv.ParseInt(string(fields[2]), 10, 64)
	if err != nil {
		return 0, 0, false
	}
	if name == "etc/group" {
		return 0, first, true
	}
	if len(fields) > 3 {
		gid, _ = strconv.ParseInt(string(fields[3]), 10, 64)
	}
	return first, gid, true
}
