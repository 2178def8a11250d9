// Package testbed gives tests whole remote hosts: a Debian with its own systemd,
// sshd and dockerd that a test may reach over ssh, restart, break and throw away.
//
//	host := testbed.Boot(t, testbed.Engine28)
//	host.Docker(t, "--context", "root", "info")
//	host.CutLink(t)
//
// A host boots in seconds, from what scripts/testbed keeps. It needs root and
// Linux; elsewhere the test is skipped and says what was missing.
//
// It is for what only a real host can show. What a daemon alone can show is
// seen sooner on a second dockerd.
package testbed

import "strings"

// Engine is the version of a host's docker engine, and how it got there.
type Engine string

// The engines that there are hosts with.
const (
	Engine20 Engine = "20.10" // Debian bookworm, API 1.41
	Engine26 Engine = "26.1"  // Debian trixie, API 1.45
	Engine28 Engine = "28.5"  // Debian trixie with sid's engine, API 1.51
	Engine29 Engine = "29"    // the same with a dockerd built from its Go module, images in containerd's store

	// Upgraded29 is engine 29 on a host that engine 28.5 has run on: images in overlay2.
	Upgraded29 Engine = "29-upgraded"
)

// Engines are all of them, oldest first.
var Engines = []Engine{Engine20, Engine26, Engine28, Engine29, Upgraded29}

// Version is the version of the engine.
func (e Engine) Version() string {
	version, _, _ := strings.Cut(string(e), "-")
	return version
}

// tree is what scripts/testbed boots the engine's hosts from.
func (e Engine) tree() string {
	if e == Upgraded29 {
		return string(Engine28)
	}
	return string(e)
}
