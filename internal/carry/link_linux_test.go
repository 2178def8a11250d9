package carry_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/carry"
)

// A tree of links is the same tree, and shares all files with it but for those that cannot have
// another name.
func TestLink(t *testing.T) {
	from := everything(t)
	if err := exec.Command("chattr", "+i", filepath.Join(from, "plain/file")).Run(); err == nil {
		t.Cleanup(func() { _ = exec.Command("chattr", "-i", filepath.Join(from, "plain/file")).Run() })
	}
	to := target(t)
	link := func() *carry.Progress {
		p := &carry.Progress{}
		assert.NilError(t, carry.Tree(t.Context(), from, to, carry.Options{Link: true, Workers: 2, Progress: p}))
		return p
	}
	link()
	equal(t, withoutLinks(tree(t, to, same)), withoutLinks(tree(t, from, same)))
	inode := func(path string) string { return sh(t, "/", "stat -c %i "+path) }
	assert.Equal(t, inode(to+"/plain/large"), inode(from+"/plain/large"))
	assert.Assert(t, inode(to+"/plain/file") != inode(from+"/plain/file"), "an immutable file was linked, or this file system has none")

	sh(t, from, "rm plain/large; echo new >plain/new; echo other >plain/empty.new; mv plain/empty.new plain/empty")
	again := link()
	assert.Assert(t, again.Unchanged.Load() > 5 && again.Removed.Load() == 1)
	equal(t, withoutLinks(tree(t, to, same)), withoutLinks(tree(t, from, same)))
}
