package survey

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// pidOf takes the number out of /proc/PID/….
func pidOf(p string) int {
	parts := strings.Split(p, "/")
	if len(parts) < 3 {
		return 0
	}
	pid, _ := strconv.Atoi(parts[2])
	return pid
}

func proc(pid int, name string) string { return path.Join("/proc", strconv.Itoa(pid), name) }

func procFiles(pids []int, name string) []string {
	files := make([]string, len(pids))
	for i, pid := range pids {
		files[i] = proc(pid, name)
	}
	return files
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

// allRoot reports whether the real, effective, saved and file system UIDs of a
// /proc/PID/status, proc(5), are all root's. A program that is setuid root, and
// was started by an ordinary user, has that user as its real UID.
func allRoot(status string) bool {
	for line := range strings.Lines(status) {
		if key, rest, _ := strings.Cut(line, ":"); key == "Uid" {
			return strings.Join(strings.Fields(rest), " ") == "0 0 0 0"
		}
	}
	return false
}

// isRoot reports whether one of the IDs of a process is root's, proc_pid_status(5).
func isRoot(lines []string) bool {
	for _, line := range lines {
		if rest, ok := strings.CutPrefix(line, "Uid:"); ok {
			return slices.Contains(strings.Fields(rest), "0")
		}
	}
	return false
}
