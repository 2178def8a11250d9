package grant_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/grant"
)

// What cannot be given, or not be taken back exactly, is found before anything is given.
func TestLookFindsWhatCannotBeGiven(t *testing.T) {
	for _, c := range []struct {
		name, script string
		wrong        func(grant.Found) bool
	}{
		{"a file of a mapped user", "echo >f; chown 100005 f", func(f grant.Found) bool { return f.Err != "" }},
		{"a group of the map", "ln -s x f; chown -h :100005 f", func(f grant.Found) bool { return f.Err != "" }},
		{"an ACL for a mapped user", "echo >f; setfacl -m u:100005:r f", func(f grant.Found) bool { return f.Err != "" }},
		{"a default ACL for one", "setfacl -m d:u:100005:r .", func(f grant.Found) bool { return f.Err != "" }},
		{"a mask of its own", "echo >f; setfacl -m u:5:rw f; chmod g-w f", func(f grant.Found) bool { return f.NoACL != "" }},
		{"an immutable file", "echo >f; chattr +i f", func(f grant.Found) bool { return f.Err != "" }},
		{"a hard link", "echo >f; ln f g", func(f grant.Found) bool { return f.Odd }},
		{"keys", "mkdir .ssh", func(f grant.Found) bool { return f.Odd }},
		{"an engine", "mkdir -p x/image/overlay2", func(f grant.Found) bool { return f.Odd }},
		{"a mount", "mkdir m; mount -t tmpfs none m", func(f grant.Found) bool { return f.Err != "" }},
		{"a bind mount of itself", "mkdir m n; mount --bind n m", func(f grant.Found) bool { return f.Err != "" }},
		{"nothing", "echo >f", func(f grant.Found) bool {
			return !f.Odd && f.Err+f.NoACL+f.NoShift == "" && f.Files == 2 && len(f.Kinds) == 2
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := newTree(t)
			t.Cleanup(func() { sh(t, dir, "chattr -Rf -i . || :; umount -q m || :") })
			sh(t, dir, c.script)
			found := look(t, dir)
			assert.Check(t, c.wrong(found), "%+v", found)
		})
	}
}

// A change of owners would take the capabilities of a file away.
func TestLookFindsCapabilities(t *testing.T) {
	dir := newTree(t)
	file := filepath.Join(dir, "f")
	assert.NilError(t, os.WriteFile(file, nil, 0o755))
	assert.NilError(t, unix.Setxattr(file, "security.capability", netRaw, 0))
	found := look(t, dir)
	assert.Check(t, found.NoShift != "" && found.NoACL == "", "%+v", found)
}

// netRaw is CAP_NET_RAW, effective, in version 2 of capabilities(7).
var netRaw = []byte{1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
