// The part of docker-userns that runs in containers, by itself.
package main

import (
	"os"

	"github.com/docker-userns/docker-userns/internal/verify"
)

func main() {
	os.Exit(verify.ProbeMain(os.Args[1:], os.Stdin, os.Stdout))
}
