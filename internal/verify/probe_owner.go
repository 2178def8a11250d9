package verify

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"
)

// ProbeLabel is on every container, image and volume that a probe makes. Its
// value says which process made it, and the name of the container or image that it
// was made for. Containers inherit the labels of their image, so the label alone
// proves nothing: see [madeByProbe].
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

// probeThing names one container or image of a probe, as no image and no person does.
func probeThing(separator string) string { return ProbeName + separator + token() }

var (
	probeContainerName = regexp.MustCompile(`^` + ProbeName + `-[0-9a-f]{12}$`)
	probeImageName     = regexp.MustCompile(`^` + ProbeName + `:[0-9a-f]{12}$`)
)

// probeMark is the label of one thing that this process makes.
func probeMark(name string) string { return probeOwner() + " " + name }

// madeByProbe gives the owner of a thing by its label, if that was made for a
// thing of this name. An image cannot know the name that its containers get, so a
// label that was inherited from an image is none.
func madeByProbe(mark, name string) (owner string, ok bool) {
	return strings.CutSuffix(mark, " "+name)
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
