package check

import (
	"slices"

	"github.com/docker-userns/docker-userns/internal/report"
)

// docker writes a command of docker that goes to the engine that is checked.
func (in *Input) docker(words ...string) string { return report.Docker(in.Facts, words...) }

const defaultEndpoint = "unix:///var/run/docker.sock"

// sudoDocker writes one that root is to call on this machine. Root has contexts of
// its own, and none of this user's.
func (in *Input) sudoDocker(words ...string) string {
	docker := []string{"sudo", "docker"}
	if in.Endpoint != defaultEndpoint {
		docker = append(docker, "--host", in.Endpoint)
	}
	return command(slices.Concat(docker, words)...)
}
