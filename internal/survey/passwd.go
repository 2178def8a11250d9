package survey

import (
	"strconv"
	"strings"
)

// ParsePasswd reads lines of passwd(5). Lines that are none, such as those of
// NIS that begin with + or -, are left out.
func ParsePasswd(data string) []Entry {
	var entries []Entry
	for line := range strings.Lines(data) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), ":")
		if len(f) < 4 {
			continue
		}
		uid, okUID := id(f[2])
		gid, okGID := id(f[3])
		if !okUID || !okGID || f[0] == "" {
			continue
		}
		e := Entry{Name: f[0], ID: uid, GID: gid}
		if len(f) > 6 {
			e.Comment, e.Home, e.Shell = f[4], f[5], f[6]
		}
		entries = append(entries, e)
	}
	return entries
}

// parseGroup reads lines of group(5).
func parseGroup(data string) []Entry {
	var entries []Entry
	for line := range strings.Lines(data) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), ":")
		if len(f) < 3 {
			continue
		}
		gid, ok := id(f[2])
		if !ok || f[0] == "" {
			continue
		}
		e := Entry{Name: f[0], ID: gid}
		if len(f) > 3 && f[3] != "" {
			e.Members = strings.Split(f[3], ",")
		}
		entries = append(entries, e)
	}
	return entries
}

// id reads a UID or GID: 32 bits, and no sign.
func id(s string) (int64, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return int64(n), err == nil
}
