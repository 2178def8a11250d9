package grant_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/grant"
)

// An undo of disable restores what every file was like, and leaves alone what somebody else
// changed meanwhile.
func TestRestore(t *testing.T) {
	dir := newTree(t)
	sh(t, dir, "chown 999:999 .; echo x >f; echo y >g; chmod 644 f g")
	j := jobFor(t, dir, grant.Grant{UID: 100999, Perm: 7})
	assert.NilError(t, give(t, j))
	assert.Check(t, as(t, 100999, dir, "umask 077; echo secret >secret; mkdir d; echo x >d/f; n=$(printf 'd/\\377\\n\\033x'); echo x >\"$n\""))
	before := listing(t, dir)
	var record bytes.Buffer
	assert.NilError(t, j.Record(t.Context(), &record))
	text := record.String()
	take(t, j)
	assert.Check(t, listing(t, dir) != before)
	assert.NilError(t, j.Restore(t.Context(), bytes.NewBufferString(text)))
	assert.Equal(t, listing(t, dir), before)
	take(t, j)
	sh(t, dir, "chown 7:7 g; rm secret; ln -s /etc/shadow secret; mv d/f d/g; ln -s /etc d/f")
	assert.NilError(t, j.Restore(t.Context(), bytes.NewBufferString(text)))
	assert.Equal(t, sh(t, dir, "stat -c '%u:%g' g d/g d"), "7:7\n999:999\n100999:100999\n")
	assert.Equal(t, sh(t, "/", "stat -c '%u:%g' /etc/shadow"), "0:42\n")
}

// given is a tree with a file f of user 999, to which user 100999 has all rights.
func given(t *testing.T) (string, grant.Job) {
	t.Helper()
	dir := newTree(t)
	sh(t, dir, "echo x >f; chown 999:999 . f; chmod 664 f; chmod 775 .")
	j := jobFor(t, dir, grant.Grant{UID: 100999, Perm: 7})
	assert.NilError(t, give(t, j))
	return dir, j
}

func recorded(t *testing.T, j grant.Job) *bytes.Buffer {
	t.Helper()
	var record bytes.Buffer
	assert.NilError(t, j.Record(t.Context(), &record))
	take(t, j)
	return &record
}

// An ACL is not given back over a mode that was changed since, nor to a new file with the
// inode number of an old one.
func TestRestoreLeavesWhatWasChanged(t *testing.T) {
	for _, change := range []string{"chmod 600 f", "rm f; umask 077; echo secret >f; chown 999:999 f"} {
		dir, j := given(t)
		record := recorded(t, j)
		sh(t, dir, change)
		assert.NilError(t, j.Restore(t.Context(), record))
		assert.Equal(t, sh(t, dir, "stat -c %a f; getfacl -cp f | grep -c user:100999 || :"), "600\n0\n", change)
	}
}

// A take that was killed between the owner and the ACL of a file is undone.
func TestRestoreOfHalfAFile(t *testing.T) {
	dir, j := given(t)
	sh(t, dir, "chown 100999:100999 f")
	before := listing(t, dir)
	var record bytes.Buffer
	assert.NilError(t, j.Record(t.Context(), &record))
	sh(t, dir, "chown 999:999 f")
	assert.NilError(t, j.Restore(t.Context(), &record))
	assert.Equal(t, listing(t, dir), before)
}

// Whatever becomes of a path, the rest is taken back, and there is a note about it.
func TestTakeNeverStops(t *testing.T) {
	deep := "d=.; cd .; i=0; while [ $i -lt 505 ]; do mkdir d; cd d; i=$((i+1)); done"
	for _, c := range []struct{ name, script, note string }{
		{"replaced", "cd ..; mv a b; mkdir a", "something else has its name now"},
		{"gone", "cd ..; mv a b", "no such file"},
		{"a link", "cd ..; mv a b; ln -s /etc a", "is a link"},
		{"a mount in it", "mkdir m; mount -t tmpfs none m", "something else is mounted there"},
		{"very deep", deep, "more than 500 directories deep"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := newTree(t)
			sh(t, dir, "mkdir a other; for i in a other; do for n in 1 2 3 4 5 6 7 8; do echo >$i/$n; done; chown -R 999:999 $i; done")
			a, other := filepath.Join(dir, "a"), filepath.Join(dir, "other")
			j := jobFor(t, a, grant.Grant{UID: 100999, Perm: 7})
			j.Grants = append(j.Grants, jobFor(t, other, grant.Grant{UID: 100999, Perm: 7}).Grants...)
			assert.NilError(t, give(t, j))
			t.Cleanup(func() { sh(t, dir, "umount -q a/m || :") })
			sh(t, a, c.script)
			etc := sh(t, "/", "stat -c '%u:%g %a' /etc")
			notes, err := j.Take(t.Context())
			assert.NilError(t, err)
			assert.Check(t, len(notes) == 1 && strings.Contains(notes[0], c.note) && strings.Contains(notes[0], "getfacl -Rps -- "+a), "%q", notes)
			assert.Equal(t, sh(t, other, "getfacl -Rcp . | grep -c 100999 || :"), "0\n")
			if !strings.Contains(c.script, "mv") {
				assert.Equal(t, sh(t, a, "getfacl -cp 1 2 3 4 5 6 7 8 . | grep -c 100999 || :"), "0\n")
			}
			assert.Equal(t, sh(t, "/", "stat -c '%u:%g %a' /etc"), etc)
		})
	}
}

// What replaces a file takes over its ACL, as sed -i does.
func TestTakeFromAReplacedFile(t *testing.T) {
	dir := newTree(t)
	file := filepath.Join(dir, "f")
	sh(t, dir, "echo x >f; chown 999:999 f")
	found := grant.Look(t.Context(), grant.Survey{Map: remapped, Places: []grant.Place{{Path: file}}})
	j := grant.Job{Map: remapped, Grants: []grant.Grant{{Path: file, Inode: found[0].Inode, UID: 100999, Perm: 6}}}
	assert.NilError(t, give(t, j))
	sh(t, dir, "sed -i s/x/y/ f")
	assert.NilError(t, j.Record(t.Context(), io.Discard))
	sh(t, dir, "getfacl -cp f | grep 100999") // sed copies it, and to record changes nothing
	notes, err := j.Take(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, len(notes), 1, "%q", notes)
	assert.Equal(t, sh(t, dir, "getfacl -cp f | grep -c 100999 || :"), "0\n")
}

// A path below another one is given its right too, and all is as before in the end.
func TestNestedGrants(t *testing.T) {
	for _, shift := range []bool{false, true} {
		dir := newTree(t)
		sh(t, dir, "mkdir -p a/b; echo >a/b/f; chown -R 999:999 a; chown 0:0 a; chmod 755 a a/b")
		before := listing(t, dir)
		outer := grant.Grant{UID: 100000, Perm: 7}
		if shift {
			outer = grant.Grant{Shift: true}
		}
		inner := jobFor(t, filepath.Join(dir, "a/b"), grant.Grant{UID: 100999, Perm: 7})
		j := jobFor(t, filepath.Join(dir, "a"), outer)
		j.Grants = append(j.Grants, inner.Grants...)
		assert.NilError(t, give(t, j))
		assert.Check(t, as(t, 100999, filepath.Join(dir, "a/b"), "echo >>f"))
		take(t, j)
		assert.Equal(t, listing(t, dir), before)
	}
}

// Owners are shifted neither of root's programs nor of files with capabilities, which would be
// lost, and a private file of the container's own user becomes that user's.
func TestGiveLooksAgain(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"a program of root", "echo >g; chmod 755 g", "programs that root may run"},
		{"capabilities", "echo >g; chown 999 g", "file capabilities"},
	} {
		dir := newTree(t)
		sh(t, dir, "echo >f; chown 999:999 f; chmod 600 f")
		j := jobFor(t, dir, grant.Grant{Shift: true})
		sh(t, dir, c.script)
		if c.name == "capabilities" {
			assert.NilError(t, unix.Setxattr(filepath.Join(dir, "g"), "security.capability", netRaw, 0))
		}
		assert.ErrorContains(t, give(t, j), c.want)
	}
	dir := newTree(t)
	sh(t, dir, "chown 999:999 .")
	j := jobFor(t, dir, grant.Grant{UID: 100999, Perm: 7})
	sh(t, dir, "echo >f; chown 999:999 f; chmod 640 f")
	before := listing(t, dir)
	assert.NilError(t, give(t, j))
	assert.Equal(t, sh(t, dir, "stat -c '%u:%g %a' f"), "100999:100999 640\n")
	take(t, j)
	assert.Equal(t, listing(t, dir), before)
}

// Nothing is begun if one of the paths cannot be opened.
func TestGiveBeginsWithAll(t *testing.T) {
	dir := newTree(t)
	sh(t, dir, "mkdir a b")
	j := jobFor(t, filepath.Join(dir, "a"), grant.Grant{UID: 100999, Perm: 5})
	j.Grants = append(j.Grants, jobFor(t, filepath.Join(dir, "b"), grant.Grant{UID: 100999, Perm: 5}).Grants...)
	sh(t, dir, "rmdir b")
	before := listing(t, dir)
	err := j.Give(t.Context(), func() error { return fmt.Errorf("it was begun") })
	assert.ErrorIs(t, err, os.ErrNotExist)
	assert.Equal(t, listing(t, dir), before)
}

// Two entries that become one for the same user are one.
func TestTakenEntriesAreMerged(t *testing.T) {
	dir, j := given(t)
	sh(t, dir, "setfacl -m u:33:r,u:100033:w f")
	take(t, j)
	assert.Equal(t, sh(t, dir, "getfacl -cnp f | grep user:33; setfacl -m u:34:r f"), "user:33:rw-\n")
}
