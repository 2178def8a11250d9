// The part of docker-userns that runs in containers, on its own.
package main

import (
	"os"

	"github.com/docker-userns/docker-userns/internal/probe"
)

func main() {
	os.Exit(probe.Main(os.Args[1:], os.Stdin, os.Stdout))
}
