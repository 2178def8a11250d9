package probe

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"
)

// Label is on every container, image and volume that a probe makes. Its
// value says which process made it, and the name of the container or image that it
// was made for. Containers inherit the labels of their image, so the label alone
// proves nothing: see [makerOf].
const Label = "io.docker-userns.probe"

// foreignAge is when things that a process of another machine made count as left
// behind. A container lives for a minute, and a lost image is imported again.
const foreignAge = time.Hour

// thisProcess says which process this is: the machine since its boot and the PID
// namespace, the PID, and when the process started.
func thisProcess() string {
	started, _ := processStart(os.Getpid())
	return fmt.Sprintf("%s %d %s", bootAndNamespace(), os.Getpid(), started)
}

// newName names one container or image of a probe, as no image and no person does.
func newName(separator string) string { return Name + separator + token() }

var (
	containerNames = regexp.MustCompile(`^` + Name + `-[0-9a-f]{12}$`)
	imageNames     = regexp.MustCompile(`^` + Name + `:[0-9a-f]{12}$`)
)

// labelFor is the label of one thing that this process makes.
func labelFor(name string) string { return thisProcess() + " " + name }

// makerOf gives the owner of a thing by its label, if that was made for a
// thing of this name. An image cannot know the name that its containers get, so a
// label that was inherited from an image is none.
func makerOf(mark, name string) (owner string, ok bool) {
	return strings.CutSuffix(mark, " "+name)
}

// leftBehind reports whether something was made by a process that has ended.
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
