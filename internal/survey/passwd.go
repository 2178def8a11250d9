package survey

import (
	"strconv"
	"strings"
)

// parsePasswd reads lines of passwd(5). Lines that are none, such as those of
// NIS that begin with + or -, are left out.
func parsePasswd(data string) []Entry {
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

// merged adds to the entries of a file those that only getent knows.
func merged(file, getent []Entry) []Entry {
	type key struct {
		name string
		id   int64
	}
	seen := map[key]bool{}
	var all []Entry
	for _, e := range file {
		e.File = true
		seen[key{e.Name, e.ID}] = true
		all = append(all, e)
	}
	for _, e := range getent {
		if k := (key{e.Name, e.ID}); !seen[k] {
			seen[k] = true
			all = append(all, e)
		}
	}
	return all
}

// subIDSource finds what nsswitch.conf(5) names for subordinate IDs.
func subIDSource(nsswitch string) string {
	for line := range strings.Lines(nsswitch) {
		line, _, _ = strings.Cut(line, "#")
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "subid:"); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}
