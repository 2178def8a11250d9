// Package onhost holds the program that runs on a host while the plugin looks at it
// from elsewhere. scripts/build makes its builds before it makes the plugin; a plugin
// built without them works, and has engines stream what the program would read.
package onhost

import (
	"embed"

	"github.com/docker-userns/docker-userns/internal/host"
)

//go:embed all:build
var builds embed.FS

// machines are the names that uname(1) has for what Go builds for.
var machines = map[string]string{"amd64": "x86_64", "arm64": "aarch64"}

// Program is the program, with the builds that this plugin was built with.
func Program() host.Program {
	p := host.Program{Name: "docker-userns-host", Builds: map[string][]byte{}}
	for arch, machine := range machines {
		if packed, err := builds.ReadFile("build/" + arch + ".gz"); err == nil {
			p.Builds[machine] = packed
		}
	}
	return p
}
