//go:build !linux

package testengine

import "testing"

// Start skips the test: dockerd runs on linux.
func Start(t testing.TB, o Options) *Engine {
	t.Skip("needs linux: it starts a dockerd")
	return nil
}

// Stop does nothing.
func (e *Engine) Stop() {}
