package verify

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// ProbeLabel is on every container, image and volume that a probe makes. Its
// value says which process made it.
const ProbeLabel = "io.docker-userns.probe"

// foreignAge is when things that a process of another machine made count as left
// behind. A container lives for a minute, and a lost image is imported again.
const foreignAge = time.Hour

// probeOwner says which process this is: the machine since its boot and the PID
// namespace, the PID, and when the process started.
func probeOwner() string {
	started, _ := processStart(os.Getpid())
	return fmt.Sprintf("%s %d %s", bootAndNamespace(), os.Getpid(), started)
}

// leftBehind says whether something was made by a process that has ended.
func leftBehind(owner string, made, now time.Time) bool {
	machine, process, _ := strings.Cut(owner, " ")
	if machine == "" || machine != bootAndNamespace() {
		return now.Sub(made) > foreignAge
	}
	var pid int
	var started string
	if _, err := fmt.Sscanf(process, "%d %s", &pid, &started); err != nil {
		return now.Sub(made) > foreignAge
	}
	running, ok := processStart(pid)
	return !ok || running != started
}
