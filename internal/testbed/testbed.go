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

// Engine is the version of a host's docker engine, as scripts/testbed names it.
type Engine string

// The engines that there are hosts with.
const (
	Engine20 Engine = "20.10" // Debian bookworm, API 1.41
	Engine26 Engine = "26.1"  // Debian trixie, API 1.45
	Engine28 Engine = "28.5"  // Debian trixie with sid's engine, API 1.51
	Engine29 Engine = "29"    // the same with a dockerd built from its Go module, images in containerd's store
)

// Engines are all of them, oldest first.
var Engines = []Engine{Engine20, Engine26, Engine28, Engine29}
