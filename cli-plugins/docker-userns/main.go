// docker-userns is a Docker CLI plugin that makes userns-remap safe to turn on,
// prove and turn off, and finds the files in images that a remapped engine
// cannot take.
package main

import (
	"os"
	"path/filepath"

	"github.com/docker-userns/docker-userns/internal/commands"
	"github.com/docker-userns/docker-userns/internal/probe"
)

// version and commit are set by the linker, see scripts/build.
var version, commit = "dev", ""

func main() {
	if filepath.Base(os.Args[0]) == probe.Name { // in a container of a probe
		os.Exit(probe.Main(os.Args[1:], os.Stdin, os.Stdout))
	}
	os.Exit(commands.Main(commands.Build{Version: version, Commit: commit}))
}
