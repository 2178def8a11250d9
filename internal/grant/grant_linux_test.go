package grant_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/grant"
	"github.com/docker-userns/docker-userns/internal/idmap"
)

var remapped = idmap.Single(100000, 65536)

// newTree makes a directory that only root can put something else in the place of.
func newTree(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, to give files to others")
	}
	top, err := os.MkdirTemp("/srv", "grant-")
	assert.NilError(t, err)
	t.Cleanup(func() { assert.Check(t, os.RemoveAll(top)) })
	assert.NilError(t, os.Chmod(top, 0o755))
	return top
}

func sh(t *testing.T, dir, script string) string {
	t.Helper()
	cmd := exec.Command("sh", "-euc", script)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	assert.NilError(t, err, "%s: %s", script, out)
	return string(out)
}

// listing is all that a grant may change: owners, modes and ACLs, of links too.
func listing(t *testing.T, dir string) string {
	t.Helper()
	return sh(t, dir, `find . -exec stat -c '%n %u:%g %a %Y' {} + | sort; getfacl -Rpn . 2>/dev/null`)
}

// as runs a command as a user of the host, and reports whether it succeeded.
func as(t *testing.T, id int, dir, script string) bool {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "setpriv", fmt.Sprintf("--reuid=%d", id), fmt.Sprintf("--regid=%d", id), "--clear-groups", "sh", "-euc", script)
	cmd.Dir = dir
	return cmd.Run() == nil
}

func look(t *testing.T, dir string) grant.Found {
	t.Helper()
	found := grant.Look(t.Context(), grant.Survey{Map: remapped, Places: []grant.Place{{Path: dir, Tree: true}}, Odd: []string{".ssh"}, OddPaths: []string{"image/overlay2"}})
	return found[0]
}

func give(t *testing.T, j grant.Job) error {
	t.Helper()
	return j.Give(t.Context(), func() error { return nil })
}

// take takes back, and expects that nothing has to be left.
func take(t *testing.T, j grant.Job) {
	t.Helper()
	notes, err := j.Take(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, len(notes), 0, "%q", notes)
}

func jobFor(t *testing.T, dir string, g grant.Grant) grant.Job {
	t.Helper()
	found := look(t, dir)
	assert.Equal(t, found.Err, "")
	g.Path, g.Tree, g.Inode = dir, true, found.Inode
	return grant.Job{Map: remapped, Grants: []grant.Grant{g}}
}

// A tree of a random seed, with the owners, modes and ACLs that a grant allows.
func grow(t *testing.T, dir string, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	owners := []int{0, 33, 999, 1000, 70000 + 100000}
	dirs := []string{dir}
	for n := range 60 {
		at := filepath.Join(dirs[r.IntN(len(dirs))], fmt.Sprintf("f%d", n))
		owner, group := owners[r.IntN(len(owners))], owners[r.IntN(len(owners))]
		switch r.IntN(5) {
		case 0:
			assert.NilError(t, os.Mkdir(at, 0o700))
			assert.NilError(t, os.Chmod(at, []os.FileMode{0o755, 0o775, 0o751, 0o2775}[r.IntN(4)]))
			dirs = append(dirs, at)
			if r.IntN(3) == 0 {
				sh(t, dir, "setfacl -m d:u:1234:r-x,d:g:77:rwx '"+at+"'")
			}
		case 1:
			assert.NilError(t, os.Symlink([]string{"/etc/shadow", "..", "f1"}[r.IntN(3)], at))
		default:
			assert.NilError(t, os.WriteFile(at, []byte("x"), 0o600))
			assert.NilError(t, os.Chmod(at, []os.FileMode{0o644, 0o664, 0o640, 0o604, 0o755}[r.IntN(5)]))
		}
		assert.NilError(t, os.Lchown(at, owner, group))
		if st, err := os.Lstat(at); err == nil && st.Mode()&os.ModeSymlink == 0 && r.IntN(4) == 0 {
			sh(t, dir, "setfacl -m u:4321:r--,g:88:r-x '"+at+"'")
		}
	}
}

// What is given is taken back exactly, whatever the tree is like, also if it was given only
// in part, and whatever the order.
func TestTakenBackExactly(t *testing.T) {
	for seed := range uint64(12) {
		for _, g := range []grant.Grant{{UID: 100999, Perm: 7}, {UID: 100000, Perm: 5}, {Shift: true}} {
			dir := newTree(t)
			grow(t, dir, seed)
			before := listing(t, dir)
			j := jobFor(t, dir, g)
			err := give(t, j)
			if err == nil {
				assert.Check(t, listing(t, dir) != before, "nothing was given")
			}
			take(t, j)
			assert.Equal(t, listing(t, dir), before)
			take(t, j)
			assert.Equal(t, listing(t, dir), before)
		}
	}
}

// The user can do what it was given, and nothing else.
func TestGivesTheRight(t *testing.T) {
	dir := newTree(t)
	sh(t, dir, `mkdir d; echo x >d/f; chmod 660 d/f; chmod 755 d; echo "#!/bin/sh" >d/run; chmod 770 d/run; chown 33:33 d/run`)
	sh(t, dir, "chmod 751 .")
	assert.Check(t, !as(t, 100999, "/", "cat "+dir+"/d/f"))
	j := jobFor(t, dir, grant.Grant{UID: 100999, Perm: 5})
	assert.NilError(t, give(t, j))
	for _, can := range []string{"cat d/f", "ls d", "./d/run"} {
		assert.Check(t, as(t, 100999, dir, can), can)
	}
	for _, cannot := range []string{"echo y >>d/f", "echo y >d/new", "rm d/f", "test -x d/f"} {
		assert.Check(t, !as(t, 100999, dir, cannot), cannot)
	}
	assert.Check(t, !as(t, 100998, dir, "cat d/f"), "another user")
	sh(t, dir, "umask 077; echo secret >d/later")
	assert.Equal(t, sh(t, dir, "stat -c %a d/later"), "600\n", "the umask of others still counts")
}

// A socket of a user of the host can be connected to with the right to write.
func TestGivesTheRightToASocket(t *testing.T) {
	dir := newTree(t)
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	assert.NilError(t, err)
	defer l.Close()
	assert.NilError(t, errors.Join(os.Chown(socket, 33, 33), os.Chmod(socket, 0o660)))
	before := listing(t, dir)
	found := grant.Look(t.Context(), grant.Survey{Map: remapped, Places: []grant.Place{{Path: socket}}})
	j := grant.Job{Map: remapped, Grants: []grant.Grant{{Path: socket, Inode: found[0].Inode, UID: 100999, Perm: 2}}}
	connects := func() bool {
		return as(t, 100999, dir, `perl -MSocket -e 'socket(S, PF_UNIX, SOCK_STREAM, 0); exit !connect(S, sockaddr_un("s"))'`)
	}
	assert.Check(t, !connects())
	assert.NilError(t, give(t, j))
	assert.Check(t, connects())
	take(t, j)
	assert.Check(t, !connects())
	assert.Equal(t, listing(t, dir), before)
}

// What a user of the map made meanwhile becomes that of the same user without the map, also
// the rights that it gave to others, and nobody gets a right that chmod(2) took away.
func TestTakesWhatWasMadeMeanwhile(t *testing.T) {
	dir := newTree(t)
	sh(t, dir, "chown 999:999 .; mkdir d; chown 999:999 d; echo x >d/kept; chmod 644 d/kept; chown 999:999 d/kept")
	j := jobFor(t, dir, grant.Grant{UID: 100999, Perm: 7})
	assert.NilError(t, give(t, j))
	assert.Check(t, as(t, 100999, dir, "umask 077; echo secret >d/secret; mkdir d/sub; echo x >d/sub/f; ln d/secret d/linked; setfacl -m u:100033:r d/sub/f; ln -s /etc/shadow d/link"))
	sh(t, dir, "chmod 600 d/kept")
	take(t, j)
	for name, want := range map[string]string{
		"d/secret": "999:999 600", "d/linked": "999:999 600", "d/sub": "999:999 700", "d/kept": "999:999 600", "d/link": "999:999 777",
	} {
		assert.Equal(t, sh(t, dir, "stat -c '%u:%g %a' "+name), want+"\n", name)
	}
	assert.Equal(t, sh(t, dir, "getfacl -cn d/sub/f | grep ^user:.*[0-9]"), "user:33:r--\n")
	assert.Equal(t, sh(t, dir, "getfacl -Rcn . | grep -c 100999 || true"), "0\n")
	assert.Equal(t, sh(t, "/", "stat -c '%u:%g' /etc/shadow"), "0:42\n")
}

// A file that is not like those that were looked at gets no right, whoever put it there, and
// neither does one under another name.
func TestGiveRefuses(t *testing.T) {
	outside := newTree(t)
	sh(t, outside, "echo secret >root; chmod 644 root")
	for _, c := range []struct {
		name, script, want string
	}{
		{"a hard link to a file elsewhere", "ln " + outside + "/root f", "hard links"},
		{"a private file", "echo >f; chmod 600 f", "only its owner may read it"},
		{"a setuid program", "echo >f; chmod 4755 f", "programs that root may run"},
		{"a program of root", "echo >f; chmod 755 f", "programs that root may run"},
		{"a device", "mknod f c 1 3", "devices"},
		{"a directory that everybody can write to", "mkdir f; chmod 777 f", "every user of the host"},
		{"a mount", "mkdir m; mount -t tmpfs none m", "something else is mounted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := newTree(t)
			t.Cleanup(func() { sh(t, dir, "umount -q m || :") })
			sh(t, dir, "chown 999 .; chmod 755 .")
			j := jobFor(t, dir, grant.Grant{UID: 100999, Perm: 7})
			sh(t, dir, c.script)
			before := listing(t, outside)
			assert.ErrorContains(t, give(t, j), c.want)
			assert.Equal(t, listing(t, outside), before)
		})
	}
	t.Run("a link in its place", func(t *testing.T) {
		dir := newTree(t)
		assert.NilError(t, os.Mkdir(filepath.Join(dir, "a"), 0o755))
		j := jobFor(t, filepath.Join(dir, "a"), grant.Grant{UID: 100999, Perm: 7})
		sh(t, dir, "rmdir a; ln -s "+outside+" a")
		assert.ErrorContains(t, give(t, j), "is a link")
		sh(t, dir, "rm a; mkdir b a")
		assert.ErrorContains(t, give(t, j), "something else has its name")
	})
	t.Run("a parent that others can write to", func(t *testing.T) {
		dir := newTree(t)
		assert.NilError(t, os.Mkdir(filepath.Join(dir, "a"), 0o755))
		j := jobFor(t, filepath.Join(dir, "a"), grant.Grant{UID: 100999, Perm: 7})
		sh(t, dir, "chown 1000 .")
		assert.ErrorContains(t, give(t, j), "others than root can write")
	})
}

// A grant that is broken off is taken back.
func TestGiveEndsWithItsContext(t *testing.T) {
	dir := newTree(t)
	sh(t, dir, "for i in $(seq 200); do echo >f$i; done")
	before := listing(t, dir)
	j := jobFor(t, dir, grant.Grant{UID: 100999, Perm: 5})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, j.Give(ctx, func() error { return nil }), context.Canceled)
	take(t, j)
	assert.Equal(t, listing(t, dir), before)
}
