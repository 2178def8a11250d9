package survey

import (
	"path"
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
