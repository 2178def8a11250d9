package survey

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
)

// identity is the uid_map of the first user namespace, user_namespaces(7).
const identity = "         0          0 4294967295"

// pidOf takes the number out of /proc/PID/….
func pidOf(p string) int {
	parts := strings.Split(p, "/")
	if len(parts) < 3 {
		return 0
	}
	pid, _ := strconv.Atoi(parts[2])
	return pid
}

// liveMaps groups the processes by the ID maps they run under.
func liveMaps(uids, gids host.Text) []LiveMap {
	type key struct{ uid, gid string }
	groups := map[key]*LiveMap{}
	pids := map[key][]int{}
	for p, uid := range uids.Files {
		gid := gids.Files[path.Join(path.Dir(p), "gid_map")]
		k := key{strings.Join(uid, "\n"), strings.Join(gid, "\n")}
		if groups[k] == nil {
			groups[k] = &LiveMap{UID: uid, GID: gid}
		}
		pids[k] = append(pids[k], pidOf(p))
	}
	var maps []LiveMap
	for k, m := range groups {
		slices.Sort(pids[k])
		m.PIDs = pids[k][:min(len(pids[k]), 100)]
		maps = append(maps, *m)
	}
	slices.SortFunc(maps, func(a, b LiveMap) int { return a.PIDs[0] - b.PIDs[0] })
	return maps
}

// statusIDs reads the effective IDs and the groups of /proc/PID/status, proc(5).
func statusIDs(status string) (Account, bool) {
	var a Account
	found := 0
	for line := range strings.Lines(status) {
		key, rest, _ := strings.Cut(line, ":")
		f := strings.Fields(rest)
		switch {
		case key == "Uid" && len(f) == 4:
			a.UID, _ = id(f[1])
			found++
		case key == "Gid" && len(f) == 4:
			a.GID, _ = id(f[1])
			found++
		case key == "Groups":
			for _, s := range f {
				if g, ok := id(s); ok {
					a.Groups = append(a.Groups, g)
				}
			}
		}
	}
	return a, found == 2
}

// inside translates an ID of the host through the lines of a uid_map. An ID
// that has no place in it is the overflow ID there, 65534.
func inside(lines []string, hostID int64) int64 {
	if len(lines) == 0 {
		return hostID
	}
	for _, line := range lines {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		in, ok1 := id(f[0])
		out, ok2 := id(f[1])
		size, ok3 := id(f[2])
		if ok1 && ok2 && ok3 && hostID >= out && hostID-out < size {
			return in + hostID - out
		}
	}
	return 65534
}

// arguments splits /proc/PID/cmdline.
func arguments(cmdline []byte) []string {
	s := strings.TrimRight(string(cmdline), "\x00")
	if s == "" {
		return nil
	}
	return strings.Split(s, "\x00")
}

// cgroupUnit finds the systemd service in /proc/PID/cgroup, cgroups(7), "" where
// the process is in none; and the cgroup itself: of version 2, else systemd's.
func cgroupUnit(cgroup string) (group, unit string) {
	for line := range strings.Lines(cgroup) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 || f[0] != "0" && f[1] != "name=systemd" {
			continue
		}
		if group == "" || f[0] == "0" && f[2] != "/" {
			group = f[2]
		}
	}
	if base := path.Base(group); strings.HasSuffix(base, ".service") {
		unit = base
	}
	return group, unit
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

// number reads a sysctl's file.
func number(b host.Body) Read[int64] {
	if b.Err != nil {
		return Read[int64]{Err: b.Err}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b.Data)), 10, 64)
	return Read[int64]{Value: n, Err: err}
}

// trimmed is the one line that a file of /proc or /sys holds.
func trimmed(b host.Body) string { return strings.TrimSpace(string(b.Data)) }
