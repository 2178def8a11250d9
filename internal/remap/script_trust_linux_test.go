package remap

import (
	"os"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// makesAccount is a change of daemon.json and /etc/subuid that makes an account, and
// what it changes.
func makesAccount(t *testing.T, w *world) (c Change, apply func()) {
	t.Helper()
	c = simple(t, w, testID)
	c.Account, c.Tree = "dockremap", "/var/lib/docker/200000.200000"
	c.Tables = append(c.Tables, File{Path: "/etc/subuid", Existed: true, Before: hash("op:1:2\n"), After: hash("op:1:2\n" + rangeLine), Added: rangeLine})
	w.write(t, "/etc/subuid", "op:1:2\n")
	w.write(t, "/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
	w.write(t, "/etc/group", "root:x:0:\n")
	w.write(t, "/etc/shadow", "root:*:1:0:99999:7:::\n")
	w.install(t, c)
	return c, func() {
		w.write(t, "/etc/docker/daemon.json", "{\"userns-remap\":\"dockremap\"}\n")
		w.write(t, "/etc/subuid", "op:1:2\n"+rangeLine)
		w.write(t, "/etc/passwd", "root:x:0:0:root:/root:/bin/sh\ndockremap:x:990:990:"+c.Comment()+":/nonexistent:/usr/sbin/nologin\n")
		w.write(t, "/etc/group", "root:x:0:\ndockremap:x:990:\n")
		w.write(t, "/etc/shadow", "root:*:1:0:99999:7:::\ndockremap:!:1::::::\n")
	}
}

// accountsOf are the files that hold the account.
func (w *world) accountsOf() string {
	return w.read("/etc/passwd") + w.read("/etc/group") + w.read("/etc/shadow") + w.read("/etc/subuid")
}

// mounted calls the script while something is mounted over a file, which nobody can
// replace then.
func (w *world) mounted(c Change, file string, words ...string) (code int, said string) {
	return w.run(append([]string{"/bin/sh", "-c", `mount --bind "$0" "$0" && exec "$@"`, file}, w.script(c, words...)...)...)
}

// A file that could not be restored is noticed before anything is changed. If it
// comes to be so later, the undo takes back the rest, ends soon and says why; and it
// is through with it once the file can be written again.
func TestScriptAndAFileThatCannotBeWritten(t *testing.T) {
	eachShell(t, func(t *testing.T, w *world) {
		c, apply := makesAccount(t, w)
		before := w.accountsOf()
		for _, file := range []string{"/etc/subuid", "/etc/shadow", "/etc/docker/daemon.json"} {
			code, said := w.mounted(c, file, "arm", "300")
			assert.Assert(t, code == 1 && strings.Contains(said, file+" cannot be replaced: a file is mounted over it"), "%d %s", code, said)
		}
		_, left := w.run("/bin/sh", "-c", "ls -d /etc/*docker-userns* /etc/docker/*docker-userns* /var/lib/docker-userns/pending /stub/timers/* 2>/dev/null")
		assert.Equal(t, left, "")
		code, said := w.verb(c, "arm", "300")
		assert.Equal(t, code, 0, said)
		apply()
		w.run("systemctl", "restart", "docker.service")
		w.write(t, c.Dir()+"/log", "")
		code, said = w.mounted(c, "/etc/subuid", "undo")
		assert.Equal(t, code, 1, said)
		result, _ := os.ReadFile(w.path(c.Dir(), "result"))
		assert.Equal(t, string(result), "failed: /etc/subuid could not be restored: a file is mounted over it ('findmnt /etc/subuid' shows it)\n")
		assert.Assert(t, strings.Contains(said, "try 4: ") && !strings.Contains(said, "try 5: "), said)
		assert.Assert(t, !strings.Contains(w.read("/etc/passwd")+w.read("/etc/group")+w.read("/etc/shadow"), "dockremap"), w.accountsOf())
		assert.Assert(t, strings.Contains(w.read("/stub/root"), `"/var/lib/docker\n"`), "the daemon is back")
		code, said = w.verb(c, "undo")
		assert.Equal(t, code, 0, said)
		assert.Equal(t, w.accountsOf(), before)
	})
}

// An account is deleted only if it is the one that the change made, as it made it.
func TestScriptForgetsOnlyItsOwnAccount(t *testing.T) {
	eachShell(t, func(t *testing.T, w *world) {
		c, apply := makesAccount(t, w)
		code, said := w.verb(c, "arm", "300")
		assert.Equal(t, code, 0, said)
		apply()
		code, said = w.verb(c, "keep")
		assert.Equal(t, code, 0, said)
		made, _ := os.ReadFile(w.path(c.Dir(), "made"))
		got := parseMade(string(made))
		assert.DeepEqual(t, got, Created{
			Passwd: "dockremap:x:990:990:" + c.Comment() + ":/nonexistent:/usr/sbin/nologin", Group: "dockremap:x:990:",
			Tree: c.Tree, Born: "-",
		})
		w.write(t, "/etc/subuid", "op:1:2\n")
		code, said = w.verb(c, "keep") // again: what was recorded stays
		assert.Equal(t, code, 0, said)
		edits := map[string]string{
			"another home":       "s!/nonexistent!/home/d!;/etc/passwd",
			"another user":       "s/:990:990:.*/:1500:1500::\\/home\\/d:\\/bin\\/sh/;/etc/passwd",
			"without the mark":   "s/docker-userns [^:]*//;/etc/passwd",
			"another number":     "s/:990:990:/:991:990:/;/etc/passwd",
			"a password":         "s/:!:/:$6$x:/;/etc/shadow",
			"a member":           "s/:990:$/:990:op/;/etc/group",
			"another group":      "s/:990:$/:1500:/;/etc/group",
			"a range of its own": "$a dockremap:7:8;/etc/subuid",
		}
		for name, edit := range edits {
			script, file, _ := strings.Cut(edit, ";")
			old := w.accountsOf()
			text, err := os.ReadFile(w.path(file))
			assert.NilError(t, err)
			_, said := w.run("sed", "-i", script, file)
			assert.Equal(t, said, "")
			now := w.accountsOf()
			assert.Assert(t, now != old, name)
			code, said := w.verb(c, "forget")
			assert.Check(t, code == 1 && strings.Contains(said, "it was kept"), "%s: %d %s", name, code, said)
			assert.Equal(t, w.accountsOf(), now, name)
			assert.NilError(t, os.WriteFile(w.path(file), text, 0o644))
		}
		for range 2 {
			code, said = w.verb(c, "forget")
			assert.Equal(t, code, 0, said)
			assert.Assert(t, !strings.Contains(w.accountsOf(), "dockremap"), w.accountsOf())
		}
	})
}

// The undo leaves an account that somebody has recreated meanwhile, and says so.
func TestScriptKeepsARecreatedAccount(t *testing.T) {
	eachShell(t, func(t *testing.T, w *world) {
		c, apply := makesAccount(t, w)
		code, said := w.verb(c, "arm", "300")
		assert.Equal(t, code, 0, said)
		apply()
		w.write(t, "/etc/passwd", "root:x:0:0:root:/root:/bin/sh\ndockremap:x:1500:1500::/home/d:/bin/sh\n")
		theirs := w.read("/etc/passwd") + w.read("/etc/group") + w.read("/etc/shadow")
		code, said = w.verb(c, "undo")
		assert.Equal(t, code, 0, said)
		assert.Equal(t, w.read("/etc/passwd")+w.read("/etc/group")+w.read("/etc/shadow"), theirs)
		notes, _ := os.ReadFile(w.path(c.Dir(), "notes"))
		assert.Assert(t, strings.Contains(string(notes), "/etc/passwd has an account dockremap that is not as this change made it"), string(notes))
	})
}

// Nothing is read, run or written in a directory that others than root can change, nor through
// a link in it.
func TestScriptTrustsOnlyRootsDirectories(t *testing.T) {
	eachShell(t, func(t *testing.T, w *world) {
		c := simple(t, w, testID)
		code, said := w.verb(c, "arm", "300")
		assert.Equal(t, code, 0, said)
		for name, script := range map[string]string{
			"another's":               "chown 1000 $S",
			"another's group":         "chgrp 1000 $S",
			"open to all":             "chmod 0777 $S",
			"a change of another's":   "chown 1000 $D",
			"a change that is open":   "chmod 0755 $D",
			"a change that is a link": "mv $D /tmp/change; ln -s /tmp/change $D",
			"a log elsewhere":         "rm -f $D/log; ln -s /tmp/log $D/log",
			"a backup elsewhere":      "mv $D/backup /tmp/backup; ln -s /tmp/backup $D/backup",
			"a backup in a link":      "mv $D/backup/etc /tmp/etc; ln -s /tmp/etc $D/backup/etc",
			"a file that is a link":   "mv $D/backup/etc/docker/daemon.json /tmp/f; ln -s /tmp/f $D/backup/etc/docker/daemon.json",
		} {
			vars := "S=" + Folder + " D=" + c.Dir() + "; "
			_, said := w.run("/bin/sh", "-c", vars+"cp -a $S /tmp/whole; rm -rf /tmp/change /tmp/backup /tmp/etc /tmp/f /tmp/log; "+script)
			assert.Equal(t, said, "", name)
			for _, verb := range []string{"undo", "fire", "boot", "expire", "keep", "status"} {
				code, said := w.verb(c, verb)
				assert.Check(t, code == 2 && strings.Contains(said, "refusing to use "), "%s: %s: %d %s", name, verb, code, said)
			}
			_, said = w.run("/bin/sh", "-c", vars+"[ ! -e /tmp/log ] || echo written; [ ! -h $D/verdict ] || echo decided; rm -rf $S; mv /tmp/whole $S")
			assert.Equal(t, said, "", name)
		}
		code, said = w.verb(c, "undo")
		assert.Equal(t, code, 0, said)
	})
	t.Run("the lock", func(t *testing.T) {
		w := newWorld(t, "dash")
		c := simple(t, w, testID)
		for _, target := range []string{"/tmp/20261122T210203Z", "/var/lib/docker-userns/../../../tmp/20261122T210203Z", "/var/lib/docker-userns/20261122T210204Z"} {
			for _, dir := range []string{"/tmp/20261122T210203Z", "/var/lib/docker-userns/20261122T210204Z"} {
				w.write(t, dir+"/change.sh", "touch /tmp/ran\n") // 0755
			}
			os.Remove(w.path("var/lib/docker-userns/pending"))
			assert.NilError(t, os.Symlink(target, w.path("var/lib/docker-userns/pending")))
			code, said := w.verb(c, "arm", "300")
			assert.Check(t, code == 75 && strings.Contains(said, "which is no change of this program"), "%d %s", code, said)
		}
	})
}
