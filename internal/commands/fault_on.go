//go:build faults

package commands

import (
	"fmt"
	"os"

	"github.com/docker-userns/docker-userns/internal/remap"
)

// paused stops for good after the step that DOCKER_USERNS_PAUSE_AFTER names, and
// says so: the tests of faults kill the program there, cut its link or restart
// the host. It is not in the plugin that people use.
func paused(s remap.Step) {
	if os.Getenv("DOCKER_USERNS_PAUSE_AFTER") == s.Name {
		fmt.Fprintln(os.Stderr, "paused after", s.Name)
		select {}
	}
}
