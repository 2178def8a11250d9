// docker-userns is a Docker CLI plugin that makes userns-remap safe to turn on,
// prove and turn off, and finds the files in images that a remapped engine
// cannot take.
package main

import (
	"os"

	"github.com/docker-userns/docker-userns/internal/commands"
)

// version is set by the linker, see scripts/build.
var version = "dev"

func main() {
	os.Exit(commands.Main(version))
}
