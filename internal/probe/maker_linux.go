package probe

import (
	"fmt"
	"os"
	"strings"
)

// bootAndNamespace names the machine since its boot, and the PID namespace of
// this process: where they agree, PIDs mean the same.
func bootAndNamespace() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	space, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	space = strings.Trim(strings.TrimPrefix(space, "pid:"), "[]")
	return strings.TrimSpace(string(boot)) + "/" + space
}

// processStart is when a process started, in clock ticks since boot: field 22
// of /proc/PID/stat, proc(5). Its second field may hold blanks and parentheses.
func processStart(pid int) (string, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", false
	}
	text := string(stat)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 || fields[0] == "Z" {
		return "", false
	}
	return fields[19], true
}
