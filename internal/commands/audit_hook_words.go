package commands

import (
	"fmt"
	"os"
	"strings"

	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// sameEngine writes commands of docker that go to the engine which the docker that
// waits for this program was called for, as far as its arguments say. What the
// environment says is there for the next command, too.
func sameEngine(words ...string) string {
	said, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", os.Getppid())) // none but on Linux
	args := strings.Split(strings.TrimSuffix(string(said), "\x00"), "\x00")
	return report.Docker(survey.Facts{Docker: wordsGiven(args[1:])}, words...)
}

// wordsGiven are docker and those of its own flags that say where the engine is.
func wordsGiven(args []string) []string {
	flags, options := dockerFlags()
	_ = flags.Parse(args) // docker has taken them already
	words := withGiven([]string{"docker"}, flags, "config", "context")
	if len(options.Hosts) > 0 {
		words = append(words, "--host="+options.Hosts[0])
	}
	return withGiven(words, flags, tlsFlags...)
}
